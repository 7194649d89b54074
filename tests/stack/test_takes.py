"""What a director and an operator do about takes, by the command line."""

import asyncio
import json
from hashlib import sha256

from schemas.enums import AudioEncoding, Lane
from schemas.topics import LANES
from tests.stack.cli import run
from tests.stack.deployment import job
from worker.batch.downloads import StoredKeys, stored_keys
from worker.batch.listed_keys import not_stored
from worker.storage.metadata import take_metadata
from worker.storage.takes import StoredTake


async def test_redo_asks_for_the_next_take_whatever_of_the_rejected_one_is_in_hand(deployment, tmp_path):
    with deployment.worker():
        await deployment.produce([job(1, voice="chirp3-hd", deadline="2099-01-01T00:00:00Z"), job(2)], Lane.BATCH)
        first = {each.job_id: each for each in await deployment.completions(2)}["job-1"]
        by_id = await run(deployment, "takes", "redo", "job-1", "--json")
        assert by_id.returncode == 0, by_id.stderr
        assert json.loads(by_id.stdout) == {
            "job_id": "job-1+take2",
            "take": 2,
            "instead_of": "job-1",
            "lane": "batch",
            "character": "pip_boy",
            "line": "This is line number 1.",
        }
        completions = {each.job_id: each for each in await deployment.completions(3)}
        second = completions["job-1+take2"]
        assert (second.take, second.audio.cached, second.voice) == (2, False, first.voice)
        assert second.audio.key != first.audio.key
        by_audio = await run(deployment, "takes", "redo", second.audio.uri, "--lane", "dialogue", "--json")
        assert json.loads(by_audio.stdout)["job_id"] == "job-1+take3"
        await deployment.completions(4)
    whole = tmp_path / "job.json"
    whole.write_text(json.dumps(job(1)))
    by_job = await run(deployment, "takes", "redo", "--job", str(whole), "--json")
    assert (json.loads(by_job.stdout)["take"], json.loads(by_job.stdout)["lane"]) == (4, "batch")
    requested = [json.loads(record.value) for record in await deployment.read(LANES[Lane.BATCH], 4)]
    assert {each["job_id"] for each in requested} == {"job-1", "job-2", "job-1+take2", "job-1+take4"}
    assert {each["job_id"] for each in requested if "deadline" in each} == {"job-1"}


async def test_redo_says_in_one_line_what_it_does_not_know(deployment):
    ended = await run(deployment, "takes", "redo", "nobody")
    assert (ended.returncode, ended.stderr.count("\n")) == (1, 1), ended.stderr
    assert "no lane keeps a job nobody" in ended.stderr
    misused = await run(deployment, "takes", "redo")
    assert (misused.returncode, misused.stderr.count("\n")) == (2, 1), misused.stderr


async def test_check_finds_takes_that_are_gone_changed_silent_or_nobodys(deployment):
    with deployment.worker():
        await deployment.produce(job(number) for number in range(6))
        keys = [completion.audio.key for completion in await deployment.completions(6)]
    well = await run(deployment, "takes", "check")
    assert well.returncode == 0, well.stderr
    assert "stored: 6, stored checked: 6, referenced: 6, referenced checked: 6, missing: 0" in well.stdout
    async with deployment.store() as store:
        take, audio = await store.fetch_whole(keys[1])
        silent = b"\0" * 48_000
        for key, body, metadata in (
            (keys[1], audio[:-9], take_metadata(take)),
            (keys[2], silent, {**take_metadata(take), "encoding": "PCM", "sha256": sha256(silent).hexdigest()}),
            (keys[3], b"holiday.jpg", {}),
        ):
            async with store._client.use() as client:
                await client.boto.put_object(Bucket=store.bucket, Key=key, Body=body, Metadata=metadata)
        await store.remove(keys[0])
    ended = await run(deployment, "takes", "check", "--all", "--json")
    assert ended.returncode == 1, ended.stderr
    found = json.loads(ended.stdout)
    told_of = {fault["key"]: fault["fault"] for fault in found.pop("faults")}
    assert told_of == {keys[0]: "missing", keys[1]: "corrupt", keys[2]: "implausible", keys[3]: "corrupt"}
    assert (found["stored"], found["referenced"], found["missing"], found["implausible"]) == (5, 6, 1, 1)


async def test_takes_may_be_cached_for_ever_and_pcm_says_the_order_of_its_bytes(deployment):
    with deployment.worker():
        await deployment.produce([job(1), job(2, audio={"encoding": "PCM", "sample_rate": 16000})])
        keys = sorted(completion.audio.key for completion in await deployment.completions(2))
    async with deployment.store() as store, store._client.use() as client:
        heads = {key.rpartition(".")[2]: await client.boto.head_object(Bucket=store.bucket, Key=key) for key in keys}
    assert {name: head["ContentType"] for name, head in heads.items()} == {
        "ogg": "audio/ogg",
        "pcm": "audio/x-raw; format=S16LE; rate=16000; channels=1; layout=interleaved",
    }
    assert {head["CacheControl"] for head in heads.values()} == {"public, max-age=31536000, immutable"}


async def test_lists_of_the_store_rule_out_just_what_is_not_there_over_more_than_a_page(deployment):
    digests = [sha256(str(number).encode()).hexdigest() for number in range(1400)]
    folder = f"{deployment.name}/ghoul/wavenet"
    keys = [f"{folder}/{digest[:2]}/{digest}.ogg" for digest in digests]
    stored, wanted = keys[:1050], keys[700:]
    body = b"audio"
    remaining = iter(stored)

    async def upload(store):
        for key in remaining:
            await store.store(
                StoredTake(key, len(body), sha256(body).hexdigest(), 1.0, AudioEncoding.OGG_OPUS, 24_000, "v"), body
            )

    async with deployment.store() as store:
        await asyncio.gather(*(upload(store) for _ in range(8)))
        assert await not_stored(store, wanted) == set(wanted) - set(stored)
        found = await stored_keys(store, wanted, lambda *_: None)
        assert found == StoredKeys(frozenset(wanted) & frozenset(stored))
