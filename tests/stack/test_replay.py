"""The operator lists dead letters and replays them."""

import asyncio
import json
import signal
import subprocess
from collections import Counter
from datetime import UTC, datetime, timedelta
from functools import partial

from aiokafka import AIOKafkaProducer

from loadtest.stack.local_stack import worker_environment
from schemas import headers as names
from schemas.completion import Problem
from schemas.enums import JobStatus, Lane
from schemas.errors import UnavailableError
from schemas.headers import header_text
from schemas.topics import DEAD_LETTERS, LANES, prefixed
from tests.stack.cli import CLI, call, run
from tests.stack.deployment import Deployment, job, program
from tests.until import HANG_S, until
from worker.config.sections import KafkaSettings
from worker.config.settings import load_settings
from worker.jobs.outcome import History
from worker.kafka.client.producer import connect_producer
from worker.kafka.consumer.record import Record
from worker.kafka.dead_letters.decoder import DeadLetter
from worker.kafka.dead_letters.encoder import build_dead_letter
from worker.kafka.dead_letters.filter import LetterFilter
from worker.kafka.dead_letters.reader import read_letters
from worker.kafka.dead_letters.replay import connect_replayer
from worker.kafka.dead_letters.replay_plan import ReplayRequest, plan_replay
from worker.lifecycle.clock import Clock

NOW = datetime.now(UTC)


def letter(
    deployment: Deployment, number: int, cls: str = "timeout", lane: Lane = Lane.DIALOGUE, now: datetime = NOW, **fields
):
    """A record of the dead letters' topic as the worker writes it, up to two hours before `now`."""
    value = json.dumps(job(number, **fields)).encode()
    topic = deployment.topic(LANES[lane])
    record = Record(lane, topic, 0, number, f"key-{number}".encode(), value, [("trace", b"t"), ("retry-tries", b"1")])
    history = History(topic, 0, number, 1234, now.isoformat(), 1)
    problem = Problem(failure_class=cls, code=f"CODE_{cls}", message=f"{cls} befell letter {number}", field=None)
    return build_dead_letter(record, problem, history, (), now - timedelta(hours=number % 3))


async def write(deployment: Deployment, *letters, flush_each: bool = False) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=deployment.stack.kafka, max_request_size=4 * 2**20)
    await producer.start()
    try:
        for each in letters:
            sent = await producer.send(deployment.topic(DEAD_LETTERS), each.value, each.key, headers=each.headers)
            if flush_each:
                await sent
    finally:
        await producer.stop()


def three_kinds(deployment: Deployment, each: int, now: datetime = NOW) -> list:
    made = partial(letter, deployment, now=now)
    return [
        *(made(number, "timeout") for number in range(each)),
        *(made(number, "transient", Lane.BATCH, character="ghoul") for number in range(each, 2 * each)),
        *(made(number, "bad_input", audio={"encoding": "WMA"}) for number in range(2 * each, 3 * each)),
    ]


async def listed(deployment: Deployment, *options: str) -> list[dict]:
    ended = await run(deployment, "dead-letters", "list", "--json", *options)
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


async def there(deployment: Deployment, **wanted) -> list[DeadLetter]:
    """What `list` has, without the seconds that a process takes to start."""
    reading = await read_letters(settings_of(deployment), LetterFilter(**wanted), values=False, progress=nothing)
    return reading.letters


async def has_replayed(deployment: Deployment, least: int) -> bool:
    return len(await there(deployment, replayed=True)) >= least


def settings_of(deployment: Deployment) -> KafkaSettings:
    return load_settings(deployment.environment).kafka


async def lane_records(deployment: Deployment, count: int, lane: Lane = Lane.DIALOGUE) -> list:
    return await deployment.read(LANES[lane], count)


def nothing(_done: int, _total: int) -> None:
    return None


async def test_letters_of_three_kinds_are_listed_filtered_counted_and_shown(deployment):
    # Of this test's own time: `--until 30m` counts back from the command's, and the file may be half an hour old.
    now = datetime.now(UTC)
    # Twice, as after a crash: a letter is listed once.
    await write(deployment, *three_kinds(deployment, 10, now), *three_kinds(deployment, 10, now))
    rows = await listed(deployment)
    assert Counter(row["class"] for row in rows) == {"timeout": 10, "transient": 10, "bad_input": 10}
    assert [row["time"] for row in rows] == sorted(row["time"] for row in rows)
    of_batch = ["--lane", "batch", "--character", "ghoul", "--class", "transient", "--text", "BEFELL", "--not-replayed"]
    assert len(await listed(deployment, *of_batch)) == 10
    assert len(await listed(deployment, *of_batch, "--limit", "3")) == 3
    since = (now - timedelta(minutes=90)).isoformat()
    between = await listed(deployment, "--since", since, "--until", "30m")
    assert Counter(row["class"] for row in between) == {"timeout": 3, "transient": 4, "bad_input": 3}
    stats = json.loads((await run(deployment, "dead-letters", "stats", "--json")).stdout)
    assert {row["name"]: row["letters"] for row in stats if row["by"] == "lane"} == {"dialogue": 20, "batch": 10}
    one = rows[0]
    shown = await run(deployment, "dead-letters", "show", one["id"][:12])
    assert json.loads((await run(deployment, "dead-letters", "show", one["id"], "--json")).stdout)["value"].startswith(
        "{"
    )
    assert one["id"] in shown.stdout
    assert "This is line number" in shown.stdout
    table = await run(deployment, "dead-letters", "list")
    assert all(row["id"] in table.stdout for row in rows)


async def test_what_is_asked_for_wrongly_ends_in_one_line(deployment):
    await write(deployment, letter(deployment, 1))
    cases = [
        (["dead-letters", "list", "--since", "yesterday"], "--since 'yesterday': allowed is an RFC 3339 time"),
        (["dead-letters", "show", "beef"], "'beef': no such dead letter"),
        (["replay"], "no filter given: choose dead letters with a filter"),
        (["replay", "--all", "--edit", "text"], "--edit 'text': allowed is field=value"),
        (["replay", "--not-replayed"], "or --all for all of them"),
        (["replay", "--id", "beef"], "'beef': no such dead letter"),
    ]
    all_ended = await asyncio.gather(*(run(deployment, *arguments) for arguments, _ in cases))
    for ended, (_, said) in zip(all_ended, cases, strict=True):
        assert (ended.returncode, ended.stderr.count("\n")) == (2, 1), ended.stderr
        assert said in ended.stderr
    without = {**deployment.environment, "KAFKA_IDEMPOTENCE": "false"}
    ended = await asyncio.to_thread(call, without, "replay", "--all")
    assert (ended.returncode, ended.stderr.count("\n")) == (2, 1)
    assert "replay needs a broker with transactions" in ended.stderr
    nowhere = {**deployment.environment, "KAFKA_TOPIC_PREFIX": f"{deployment.name}-none"}
    ended = await asyncio.to_thread(call, nowhere, "dead-letters", "list")
    assert (ended.returncode, ended.stderr.count("\n")) == (1, 1)
    assert "topics create" in ended.stderr
    assert await lane_records(deployment, 0) == []


async def test_a_dry_run_sends_nothing_and_a_replay_of_one_kind_sends_each_once(deployment):
    await write(deployment, *three_kinds(deployment, 150))
    dry = await run(deployment, "replay", "--class", "timeout", "--dry-run")
    assert dry.returncode == 0, dry.stderr
    assert "150" in dry.stdout
    assert "dry run: nothing sent" in dry.stdout
    assert await lane_records(deployment, 0) == []
    assert not await there(deployment, replayed=True)

    ended = await run(deployment, "replay", "--class", "timeout")
    assert ended.stdout.startswith("replayed 150; left out: 0 replayed before, 0 cut"), ended.stderr
    records = await lane_records(deployment, 150)
    assert {record.key for record in records} == {f"key-{number}".encode() for number in range(150)}
    assert len(records) == 150
    one = next(record for record in records if record.key == b"key-7")
    assert json.loads(one.value) == job(7)
    assert dict(one.headers) == {
        "trace": b"t",
        "replay-number": b"1",
        "replay-of": dict(letter(deployment, 7).headers)[names.LETTER_ID],
    }
    assert {each.failure_class for each in await there(deployment, replayed=True)} == {"timeout"}
    assert len(await there(deployment, replayed=False)) == 300

    ended = await run(deployment, "replay", "--class", "timeout")
    assert ended.stdout.startswith("replayed 0; left out: 150 replayed before")
    ended = await run(deployment, "replay", "--class", "timeout", "--again", "--limit", "1", "--to-lane", "batch")
    assert ended.stdout.startswith("replayed 1; left out: 0 replayed before")
    assert len(await lane_records(deployment, 150)) == 150
    (again,) = await lane_records(deployment, 1, Lane.BATCH)
    assert header_text(list(again.headers), names.REPLAY_NUMBER) == "2"
    assert [each.replays.times for each in await there(deployment)].count(2) == 1


async def test_an_edit_that_makes_no_job_sends_nothing_and_one_that_does_mends_it(deployment):
    await write(deployment, *three_kinds(deployment, 3))
    ended = await run(deployment, "replay", "--class", "bad_input", "--edit", "audio.encoding=WAV")
    assert (ended.returncode, ended.stderr.count("\n")) == (2, 1)
    assert ended.stderr.startswith("chirp-worker: dead letter ")
    assert "audio.encoding: 'WAV': Input should be 'OGG_OPUS', 'MP3'" in ended.stderr
    ended = await run(deployment, "replay", "--class", "timeout", "--edit", "character=nobody")
    assert "character: 'nobody' is unknown" in ended.stderr
    assert await lane_records(deployment, 0) == []
    ended = await run(deployment, "replay", "--class", "bad_input", "--edit", "audio.encoding=MP3")
    assert ended.stdout.startswith("replayed 3;"), ended.stderr
    assert {json.loads(record.value)["audio"]["encoding"] for record in await lane_records(deployment, 3)} == {"MP3"}


async def test_what_the_worker_refused_is_done_after_its_mending_and_a_second_replay_makes_no_second_take(deployment):
    await deployment.produce([job(number, audio={"encoding": "WMA"}) for number in range(20)])
    with deployment.worker():
        await deployment.dead_letters(20)
        for number in (1, 2):
            ended = await run(deployment, "replay", "--all", "--again", "--edit", "audio.encoding=MP3")
            assert ended.stdout.startswith("replayed 20;"), ended.stderr
            completions = await deployment.completions(20 + 20 * number)
    assert Counter(each.status for each in completions) == {JobStatus.FAILED: 20, JobStatus.DONE: 40}
    assert (await deployment.calls())["total"] == 20


async def test_an_interrupted_replay_leaves_no_letter_replayed_without_a_marker_or_the_other_way(deployment):
    await write(deployment, *(letter(deployment, number) for number in range(200)))
    sent: list = []
    for _ in range(2):
        replay = subprocess.Popen(
            [*CLI, "replay", "--class", "timeout", "--rate", "10"],
            env=worker_environment(deployment.environment),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        before = len(sent)
        await until(partial(has_replayed, deployment, before + 20))
        replay.send_signal(signal.SIGINT)
        reported, errors = await asyncio.to_thread(replay.communicate, timeout=HANG_S)
        assert replay.returncode == 130, errors
        assert "Traceback" not in errors
        replayed = [each.id for each in await there(deployment, replayed=True)]
        records = await lane_records(deployment, len(replayed))
        sent = [header_text(list(record.headers), names.REPLAY_OF) for record in records]
        assert sorted(sent) == sorted(replayed)
        assert before < len(sent) < 200
    assert "ended by a signal" in reported
    ended = await run(deployment, "replay", "--class", "timeout")
    assert ended.stdout.startswith(f"replayed {200 - len(sent)}; left out: {len(sent)} replayed before")
    assert len(await lane_records(deployment, 200)) == 200


async def test_a_killed_replay_leaves_no_letter_replayed_without_a_marker_or_the_other_way(deployment):
    await write(deployment, *(letter(deployment, number) for number in range(3000)))
    replay = subprocess.Popen(
        [*CLI, "replay", "--all"], env=worker_environment(deployment.environment), stdout=subprocess.DEVNULL
    )
    await until(partial(has_replayed, deployment, 1))
    replay.kill()
    replay.wait()
    # The next replay aborts what the killed one left open.
    ended = await run(deployment, "replay", "--all")
    assert ended.returncode == 0, ended.stderr
    records = await lane_records(deployment, 3000)
    assert Counter(header_text(list(record.headers), names.REPLAY_OF) for record in records).most_common(1)[0][1] == 1
    assert len(records) == 3000
    assert {each.replays.times for each in await there(deployment)} == {1}


async def test_of_two_replays_at_once_the_later_ends_the_earlier(deployment):
    await write(deployment, *(letter(deployment, number) for number in range(60)))
    settings = settings_of(deployment)
    async with connect_replayer(settings, Clock()) as earlier:
        reading = await read_letters(settings, LetterFilter(), values=True, progress=nothing)
        items = plan_replay(reading.letters, ReplayRequest()).items
        assert await earlier.replay(items[:20], None, nothing) == 20
        ended = await run(deployment, "replay", "--all")
        assert ended.stdout.startswith("replayed 40; left out: 20 replayed before"), ended.stderr
        try:
            await earlier.replay(items[20:], None, nothing)
        except UnavailableError as error:
            assert "another replay has started and ended this one" in str(error)  # noqa: PT017
        else:
            raise AssertionError
    assert len(await lane_records(deployment, 60)) == 60


async def test_hostile_letters_are_listed_and_neither_aborted_nor_open_transactions_are_waited_for(deployment):
    settings = settings_of(deployment)
    topic = prefixed(DEAD_LETTERS, deployment.name)
    producer = AIOKafkaProducer(bootstrap_servers=deployment.stack.kafka, max_request_size=4 * 2**20)
    await producer.start()
    hostile = [
        (b"[red]\x1b[31m", None, [("dead-letter-class", b"\xff[/]\x1b"), ("dead-letter-partition", b"x")]),
        (None, b"[" * 100_000, []),
        (b"", b'{"job_id": "\\ud800", "character": ["x"]}', [("dead-letter-time", b"999999"), ("none", None)]),
        (b"k", None, [("dead-letter-replayed", b"\xff")]),
        (b"k", bytes(2 * 2**20), [("dead-letter-cut", b"true"), ("dead-letter-lane", b"dialogue")]),
    ]
    for number, (key, value, headers) in enumerate(hostile):
        await producer.send_and_wait(topic, value, key, partition=number % 3, headers=headers)
    await producer.stop()
    # A header's name that is no UTF-8.
    address = ["-b", deployment.stack.kafka, "-q", "-P", "-t", topic]
    for partition in ("0", "1"):
        command = [each.encode() for each in (program("kcat"), *address, "-p", partition)]
        subprocess.run([*command, b"-H", b"\xff\xfe=1"], input=b"{}", check=True, timeout=HANG_S)
    await write(deployment, *three_kinds(deployment, 1), flush_each=True)

    rows = await listed(deployment)
    assert len(rows) == 3 + 4
    for arguments in (["list"], ["stats"], ["show", next(row["id"] for row in rows if "xff" in row["class"])]):
        ended = await run(deployment, "dead-letters", *arguments)
        assert ended.returncode == 0, ended.stderr
        assert "can't be read" in ended.stderr
        assert "\x1b" not in ended.stdout
    # Longer than a reader that waited for its end is given.
    open_s = 5 * HANG_S
    async with connect_producer(settings, f"{deployment.name}-other", transaction_timeout_s=open_s) as other:
        for partition in range(3):
            await other.begin_transaction()
            await other.send(topic, b"{}", partition=partition)
            await other.abort_transaction()
        async with asyncio.timeout(HANG_S):
            assert len(await there(deployment)) == 7
        await other.begin_transaction()
        await (await other.send(topic, b"{}", partition=0))
        async with asyncio.timeout(HANG_S):
            assert len(await there(deployment)) == 7
        await other.abort_transaction()
    ended = await run(deployment, "replay", "--all", "--dry-run")
    assert "1 cut" in ended.stdout
    assert "of no known lane" in ended.stdout
