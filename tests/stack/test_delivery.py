import asyncio
import json
import random
import signal
import subprocess
import sys
from collections import Counter
from itertools import count, islice

import pytest

from loadtest.stack.local_stack import local_stack, worker_environment
from loadtest.stack.processes import Process
from schemas.enums import JobStatus, Lane
from schemas.parsing import InvalidJobError, parse_job
from schemas.topics import COMPLETIONS, DEAD_LETTERS, LANES
from tests.stack.deployment import Deployment, get, job, program
from tests.until import HANG_S, until

GOOD = 200


def hostile_records() -> list[bytes]:
    """200 records that are no jobs, of every kind that a producer may send."""
    base = job(0)
    broken: list[bytes | dict] = [
        b"", b"not json", b"{", b"null", b"[]", b'"job"', b"\xff\xfe\x00", b"[" * 100_000, b'{"a":' * 50_000,
        b'{"job_id": "j", "character": "pip_boy", "text": "hi", "pitch": NaN}',
        b'{"job_id": "j", "character": "pip_boy", "text": "hi", "take": ' + b"9" * 5000 + b"}",
        b'{"job_id": "j", "character": "pip_boy", "text": "\\ud800 alone"}',
        b'{"job_id": "j", "character": "\\udfff", "text": "alone"}',
        {**base, "text": ""}, {**base, "text": "   "}, {**base, "text": "..."}, {**base, "text": "x" * 1_000_000},
        {**base, "text": "nul \x00"}, {**base, "text": "bell \x07"}, {**base, "text": 5}, {**base, "text": ["hi"]},
        {**base, "text": None}, {**base, "character": "nobody"}, {**base, "character": "../../etc"},
        {**base, "character": 1}, {**base, "job_id": "../../../etc/passwd"}, {**base, "job_id": ""},
        {**base, "job_id": "a/b"}, {**base, "job_id": "x" * 500}, {**base, "job_id": {"a": 1}},
        {**base, "text": "<speak>hi</speak>"}, {**base, "text": "hi</speak><audio src='http://x/y'/>"},
        {**base, "text": "[pause 99999s] hi"}, {**base, "text": "[pitch +5] hi"}, {**base, "text": "hi <!-- x -->"},
        {**base, "text": None, "ssml": "<speak>hi"}, {**base, "text": None, "ssml": "<p>hi</p>"},
        {**base, "text": None, "ssml": "<speak><audio src='http://x/y'/>hi</speak>"},
        {**base, "text": None, "ssml": "<!DOCTYPE x [<!ENTITY a 'aaaa'>]><speak>&a;</speak>"},
        {**base, "text": None, "ssml": "<speak>" + "x" * 5000 + "</speak>"}, {**base, "ssml": "<speak>hi</speak>"},
        {**base, "language": "xx-XX"}, {**base, "language": "english"}, {**base, "voice": "nobody"},
        {**base, "voice": "de-DE-Wavenet-A"}, {**base, "speaking_rate": 9}, {**base, "speaking_rate": "fast"},
        {**base, "pitch": 99}, {**base, "pitch": True}, {**base, "volume_gain_db": 1e308}, {**base, "take": 0},
        {**base, "take": 1.5}, {**base, "audio": {"encoding": "FLAC"}}, {**base, "audio": {"sample_rate": 1}},
        {**base, "audio": "OGG_OPUS"}, {**base, "deadline": 1234}, {**base, "deadline": "tomorrow"},
        {**base, "labels": {"a": 1}}, {**base, "labels": []}, {**base, "pronunciations": [{"phrase": "x"}]},
        {**base, "pronunciations": "x"}, {**base, "unknown_field": 1}, {**base, "__proto__": {}},
    ]  # fmt: skip
    records = [each if isinstance(each, bytes) else json.dumps(each).encode() for each in broken]
    return [records[number % len(records)] for number in range(200)]


async def test_hostile_records_stop_nothing_and_are_kept_with_the_field_named(deployment):
    hostile = hostile_records()
    records: list[bytes | dict] = [*hostile, *(job(number) for number in range(GOOD))]
    random.Random(8).shuffle(records)
    before = {key for key in await deployment.keys() if not key.startswith(deployment.name)}
    with deployment.worker(CHIRP3_ENABLED_CHARACTERS="pip_boy") as (process, address):
        await deployment.produce(records)
        dead = await deployment.dead_letters(len(hostile))
        ended = await deployment.completions(GOOD, wanted=lambda each: each.status is JobStatus.DONE)
        done = [each for each in ended if each.status is JobStatus.DONE]
        status, _ = await get(f"{address}/healthz")
        assert process.running
        log = process.log.read_text()
    assert status == 200
    assert len(done) == GOOD
    assert len({completion.job_id for completion in done}) == GOOD
    assert Counter(value or b"" for value, _ in dead) == Counter(hostile)
    assert all(headers["dead-letter-field"] for _, headers in dead)
    assert {headers["dead-letter-class"] for _, headers in dead} == {"bad_input"}
    keys = await deployment.keys()
    assert {key for key in keys if not key.startswith(deployment.name)} == before
    assert sum(key.startswith(f"{deployment.name}/pip_boy/") for key in keys) == GOOD
    assert "Traceback" not in log


def test_every_hostile_record_is_named_by_the_parser_or_the_catalogue(catalogue):
    for value in hostile_records():
        with pytest.raises(InvalidJobError) as refused:
            catalogue.admit(parse_job(value))
        assert refused.value.field, value[:200]


def first_time():
    """Whether a job's id comes for the first time: a job that is done again must not stand for one that isn't done."""
    seen = set()

    def is_new(job_id):
        found = job_id not in seen
        seen.add(job_id)
        return found

    return is_new


async def test_sigterm_under_load_loses_no_job_and_does_none_twice(deployment):
    jobs = 300
    await deployment.emulator(latency={"kind": "constant", "seconds": 0.3})
    await deployment.produce(job(number) for number in range(jobs))
    for round_number in range(3):
        with deployment.worker(f"worker-{round_number}", MAX_IN_FLIGHT="32") as (process, _):
            await asyncio.sleep(0.4)
            process.signal(signal.SIGTERM)
            assert await asyncio.to_thread(process.wait, HANG_S) == 0
    with deployment.worker("worker-last"):
        completions = await deployment.completions(jobs)
    assert Counter(c.job_id for c in completions) == Counter(f"job-{number}" for number in range(jobs))
    assert {completion.status for completion in completions} == {JobStatus.DONE}
    assert (await deployment.calls())["total"] == jobs
    assert await deployment.dead_letters(0) == []


async def test_sigkill_under_load_loses_no_job_and_pays_again_only_for_those_in_flight(deployment):
    jobs, in_flight, kills = 300, 16, 3
    await deployment.emulator(latency={"kind": "constant", "seconds": 0.1})
    await deployment.produce(job(number) for number in range(jobs))
    for round_number in range(kills):
        with deployment.worker(f"worker-{round_number}", MAX_IN_FLIGHT=str(in_flight)) as (process, _):
            await asyncio.sleep(0.3)
            process.signal(signal.SIGKILL)
            await asyncio.to_thread(process.wait, HANG_S)
    with deployment.worker("worker-last"):
        is_new = first_time()
        records = await deployment.read(COMPLETIONS, jobs, wanted=lambda r: is_new(json.loads(r.value)["job_id"]))
    done = Counter(json.loads(record.value)["job_id"] for record in records)
    assert set(done) == {f"job-{number}" for number in range(jobs)}
    assert await deployment.read(DEAD_LETTERS, 0) == []
    paid = (await deployment.calls())["total"]
    assert jobs <= paid <= jobs + kills * in_flight
    # A repeat is told as one: the same event id, whether or not the take was stored already.
    ids = {job_id: set() for job_id in done}
    for record in records:
        ids[json.loads(record.value)["job_id"]].add(dict(record.headers)["ce_id"])
    assert all(len(found) == 1 for found in ids.values())


async def test_everything_done_is_committed_after_a_drain(deployment):
    with deployment.worker() as (process, _):
        await deployment.produce(job(number) for number in range(20))
        await deployment.completions(20)
        process.signal(signal.SIGTERM)
        assert await asyncio.to_thread(process.wait, HANG_S) == 0
        # A broker that stands still for two seconds just then gets no last commit.
        unanswered = "last_commit_failed" in process.log.read_text()
    end, committed = await deployment.lane_offsets()
    assert end == 20
    assert committed == 20 or unanswered


async def test_a_second_worker_takes_its_share_and_nothing_is_lost_or_paid_for_twice(deployment):
    await deployment.emulator(latency={"kind": "constant", "seconds": 0.4})
    numbers = count()
    # A job that outlasts the wait at the hand-over would be done by both.
    settings = {"MAX_IN_FLIGHT": "8", "REVOKE_WAIT_S": "60"}
    with deployment.worker("first", **settings):
        await deployment.produce(map(job, islice(numbers, 100)))
        other = {"KAFKA_GROUP_INSTANCE_ID": f"{deployment.name}-2"}
        with deployment.worker("second", **settings, **other) as (second, _):

            async def is_at_work() -> bool:
                # However late it joins, there are jobs that neither has taken.
                await deployment.produce(map(job, islice(numbers, 4)))
                return '"event": "job"' in second.log.read_text()

            await until(is_at_work)
            jobs = next(numbers)
            is_new = first_time()
            completions = await deployment.completions(jobs, wanted=lambda c: is_new(c.job_id))
    # This broker refuses the commits of a member once another has joined (Apache Kafka takes them until the
    # rebalance is complete), so what was done and not committed just then is done again: from the store.
    assert {c.job_id for c in completions} == {f"job-{number}" for number in range(jobs)}
    assert (await deployment.calls())["total"] == jobs


async def test_a_record_that_the_client_cannot_decode_becomes_a_dead_letter_and_holds_nothing_back(deployment):
    kcat = program("kcat")
    topic = deployment.topic(LANES[Lane.DIALOGUE])
    command = [kcat.encode(), b"-b", deployment.stack.kafka.encode(), b"-q", b"-P", b"-t", topic.encode()]
    await deployment.produce([job(1)])
    # A header's name that is no UTF-8.
    subprocess.run([*command, b"-p", b"3", b"-H", b"\xff\xfe=1"], input=b"{}", check=True, timeout=HANG_S)
    await deployment.produce(job(number) for number in range(2, 30))
    with deployment.worker():
        completions = await deployment.completions(29)
        ((_, headers),) = await deployment.dead_letters(1)
    assert {c.status for c in completions} == {JobStatus.DONE}
    assert (headers["dead-letter-field"], headers["dead-letter-partition"]) == ("record", "3")
    assert "can't be read" in headers["dead-letter-message"]


async def test_a_record_without_key_and_value_becomes_a_dead_letter(deployment):
    kcat = program("kcat")
    topic = deployment.topic(LANES[Lane.DIALOGUE])
    command = [kcat, "-b", deployment.stack.kafka, "-q", "-P", "-Z", "-K", ":", "-t", topic]
    subprocess.run(command, input=b":\n", check=True, timeout=HANG_S)
    with deployment.worker():
        await deployment.produce([job(1)])
        (completion,) = await deployment.completions(1)
        ((_, headers),) = await deployment.dead_letters(1)
    assert completion.status is JobStatus.DONE
    assert headers["dead-letter-field"] == "record"


async def test_sigterm_ends_the_worker_also_while_kafka_is_gone(tmp_path):
    with local_stack("noida", {"speech": "canned"}) as stack:
        mine = Deployment(stack, tmp_path)
        await mine.create_topics()
        with mine.worker() as (process, _):
            await mine.produce([job(1)])
            await mine.completions(1)
            stack.kafka_process.signal(signal.SIGKILL)
            await asyncio.sleep(0.5)
            process.signal(signal.SIGTERM)
            await asyncio.to_thread(process.wait, HANG_S)
            assert "Traceback" not in process.log.read_text()


async def test_sigterm_ends_a_start_that_waits_for_its_group(deployment):
    """The first worker holds the group's rebalance up; the second is asked to end before it has joined."""
    process = Process(
        "waiting",
        [sys.executable, "-m", "worker", "run"],
        deployment.folder / "waiting.log",
        worker_environment({**deployment.environment, "HTTP_PORT": "0"}),
    )
    try:
        await asyncio.sleep(1.2)
        process.signal(signal.SIGTERM)
        assert await asyncio.to_thread(process.wait, HANG_S) in {0, 143, -15}
        assert "Traceback" not in process.log.read_text()
    finally:
        process.stop()
