"""The rollout's topic on Apache Kafka: seen by all workers at once, by one history, with and without its broker."""

import asyncio
import json
import statistics
import time
from contextlib import ExitStack

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from loadtest.stack.counters import scrape
from schemas.enums import DecisionReason
from schemas.topics import ROLLOUT
from tests.stack.cli import run
from tests.stack.deployment import job
from tests.stack.test_outages import until_ready
from tests.until import HANG_S, until
from worker.config.settings import load_settings
from worker.lifecycle.clock import Clock
from worker.rollout.changes import set_to
from worker.rollout.log.codec import Provenance
from worker.rollout.log.reader import open_log
from worker.rollout.log.revisions import RevisionLog
from worker.rollout.log.writer import RevisionWriter, SupersededError

WITHIN_S = 2.0
CHANGES = 11
TOPIC = {"ROLLOUT_SOURCE": "topic", "CHIRP3_ROLLOUT_PERCENTAGE": "100", "CHIRP3_ENABLED_CHARACTERS": "pip_boy"}


def following(deployment, **settings: str):
    deployment.environment |= {**TOPIC, **settings}
    return deployment


async def rollout(deployment, *arguments: str) -> str:
    ended = await run(deployment, "rollout", *arguments)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


async def gauge(address: str, name: str) -> float:
    return (await scrape(address)).total(name)


async def history(deployment, records: int) -> RevisionLog:
    fold = RevisionLog()
    for record in await deployment.read(ROLLOUT, records):
        fold.add(record.value)
    return fold


async def wait_for_revision(addresses: list[str], revision: int) -> None:
    async with asyncio.timeout(HANG_S):
        for address in addresses:
            while await gauge(address, "tts_rollout_revision") != revision:
                await asyncio.sleep(0.02)


async def speak(deployment, number: int, total: int, **fields: object):
    """The completion of one more job."""
    await deployment.produce([job(number, **fields)])
    return next(each for each in await deployment.completions(total) if each.job_id == f"job-{number}")


@pytest.mark.alone
async def test_a_change_reaches_three_workers_within_two_seconds_and_none_restarts(deployment):
    following(deployment)
    with ExitStack() as stack:
        workers = [stack.enter_context(deployment.worker(f"worker-{number}")) for number in range(3)]
        addresses = [address for _, address in workers]
        pids = [process.pid for process, _ in workers]
        settings = load_settings(deployment.environment).kafka
        took, looks = [], []
        async with open_log(settings, Clock()) as log:
            await log.read_to_end()
            editor = RevisionWriter(log, settings, Clock())
            for number in range(CHANGES):
                written = asyncio.create_task(
                    editor.change(lambda s, n=number: set_to(s, percentage=500 * (n + 1)), Provenance("anna"), confirm)
                )
                await written
                began = time.monotonic()
                await wait_for_revision(addresses, number + 2)
                took.append(time.monotonic() - began)
                began = time.monotonic()
                await wait_for_revision(addresses, number + 2)
                looks.append(time.monotonic() - began)
        print(f"a change was seen by three workers after {', '.join(f'{each:.3f}' for each in took)} s")
        print(f"a look at their metrics took {', '.join(f'{each:.3f}' for each in looks)} s")
        # From the acknowledged record to the slowest worker's metrics, less the time that a look at them all takes
        # on this machine. One change that a stall holds up says nothing; were workers to look every few seconds, most
        # would take longer.
        assert statistics.median(took) < WITHIN_S + 3 * statistics.median(looks)
        assert [process.pid for process, _ in workers] == pids
        assert all(process.running for process, _ in workers)
    fold = await history(deployment, 1 + CHANGES)
    # All three found the topic empty at their start.
    assert [each.revision for each in fold.accepted] == list(range(1, CHANGES + 2))
    assert fold.accepted[0].actor.startswith("worker")


def confirm(_change: object) -> None:
    pass


async def test_workers_that_start_at_once_seed_an_empty_topic_once(deployment):
    following(deployment)
    starts = [deployment.worker(f"worker-{number}", CHIRP3_ROLLOUT_PERCENTAGE=f"{number + 1}") for number in range(3)]
    addresses = [address for _, address in await asyncio.gather(*(asyncio.to_thread(s.__enter__) for s in starts))]
    try:
        shown = [await gauge(address, "tts_rollout_percentage") for address in addresses]
    finally:
        for start in starts:
            await asyncio.to_thread(start.__exit__, None, None, None)
    fold = await history(deployment, 1)
    assert fold.revision == 1
    assert shown == [fold.accepted[0].percentage / 100] * 3
    print(f"three workers at once wrote {1 + len(fold.superseded)} records; one counts")


async def test_two_writers_at_once_make_one_history_and_the_loser_is_told_who_won(deployment):
    settings = load_settings(deployment.environment).kafka
    lost: list[SupersededError] = []

    async def write(name: str, percentages: range) -> None:
        async with open_log(settings, Clock()) as log:
            editor = RevisionWriter(log, settings, Clock())
            for percentage in percentages:
                while True:
                    await log.read_to_end()
                    try:
                        await editor.change(
                            lambda s, p=percentage: set_to(s, enabled=True, percentage=p), Provenance(name), confirm
                        )
                    except SupersededError as error:
                        lost.append(error)
                    else:
                        break

    await asyncio.gather(write("anna", range(1, 2_000, 200)), write("bert", range(2, 2_000, 200)))
    fold = await history(deployment, 20)
    assert [each.revision for each in fold.accepted] == list(range(1, 21))
    assert {actor: sum(each.actor == actor for each in fold.accepted) for actor in ("anna", "bert")} == {
        "anna": 10,
        "bert": 10,
    }
    assert all(error.winner == fold.by_number(error.winner.revision) for error in lost)
    assert all(each.winner is not None for each in fold.superseded)
    print(f"20 changes, 2 writers: {len(fold.accepted)} revisions, {len(fold.superseded)} superseded, {len(lost)} lost")


async def test_the_last_listed_character_out_turns_chirp_off_between_two_jobs(deployment):
    following(deployment)
    with deployment.worker() as (_, address):
        first = await speak(deployment, 1, 1)
        assert (first.decision.reason, first.decision.revision) == (DecisionReason.IN_ROLLOUT, 1)
        await rollout(deployment, "exclude", "pip_boy", "--reason", "croaks")
        await wait_for_revision([address], 2)
        assert await gauge(address, "tts_rollout_percentage") == 0
        second, other = await speak(deployment, 2, 2), await speak(deployment, 3, 3, character="ghoul")
    assert (second.decision.reason, second.decision.revision) == (DecisionReason.DISABLED, 2)
    assert other.decision.reason is DecisionReason.DISABLED


async def test_the_hand_brake_of_a_worker_wins_over_the_topic(deployment):
    following(deployment, CHIRP3_ENABLED="false")
    with deployment.worker() as (_, address):
        await rollout(deployment, "set", "--enabled", "--percentage", "100", "--yes")
        await wait_for_revision([address], 2)
        by_topic = await speak(deployment, 1, 1)
        forced = await speak(deployment, 2, 2, voice="chirp3-hd")
        assert await gauge(address, "tts_rollout_percentage") == 0
    for completion in (by_topic, forced):
        assert (completion.decision.reason, completion.voice_model) == (DecisionReason.BRAKED, "wavenet")
        assert completion.decision.revision == 2


async def test_without_the_topics_broker_workers_go_on_with_the_last_state(three_brokers, deployment_on_three):
    deployment = following(deployment_on_three)
    broker = await only_on_one_broker(deployment)
    with deployment.worker() as (process, address):
        assert (await speak(deployment, 1, 1)).decision.revision == 2
        three_brokers.kill(broker)
        async with asyncio.timeout(HANG_S):
            while await gauge(address, "tts_rollout_state_age_seconds") < 3:
                await asyncio.sleep(0.2)
        away = await speak(deployment, 2, 2)
        await until_ready(address)
        age = await gauge(address, "tts_rollout_state_age_seconds")
        await asyncio.to_thread(three_brokers.start, broker)
        await rollout(deployment, "off", "--reason", "the broker is back")
        began = time.monotonic()
        await wait_for_revision([address], 3)
        back = await speak(deployment, 3, 3)

        async def fresh() -> bool:
            return await gauge(address, "tts_rollout_state_age_seconds") < WITHIN_S

        await until(fresh)
        assert process.running
    print(f"topic away for {age:.1f} s; seen again {time.monotonic() - began:.1f} s after the change")
    assert (away.decision.reason, away.decision.revision) == (DecisionReason.IN_ROLLOUT, 2)
    assert (back.decision.reason, back.decision.revision) == (DecisionReason.DISABLED, 3)


async def only_on_one_broker(deployment) -> int:
    """Gives the deployment other topics, the rollout's with one copy; sets a rollout, and tells that copy's broker."""
    deployment.name += "b"
    deployment.environment |= {"KAFKA_TOPIC_PREFIX": deployment.name, "KAFKA_GROUP_ID": deployment.name}
    topic = deployment.topic(ROLLOUT)
    admin = AIOKafkaAdminClient(bootstrap_servers=deployment.stack.kafka)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(topic, 1, 1, topic_configs={"min.insync.replicas": "1"})])
        leader = 0
        async with asyncio.timeout(HANG_S):
            while leader <= 0:
                await asyncio.sleep(0.1)
                (described,) = await admin.describe_topics([topic])
                leader = described["partitions"][0]["leader"] if described["partitions"] else 0
    finally:
        await admin.close()
    await deployment.create_topics()
    await rollout(deployment, "set", "--percentage", "100", "--characters", "pip_boy", "--actor", "anna", "--yes")
    await rollout(deployment, "set", "--enabled", "--yes")
    return leader


async def test_a_broker_that_is_down_is_told_in_one_line_and_off_works_as_soon_as_it_is_back(own_cluster, deployment):
    following(deployment)
    with deployment.worker() as (_, address):
        assert (await speak(deployment, 1, 1)).decision.revision == 1
        own_cluster.kill(1)
        ended = await run(deployment, "rollout", "off")
        assert ended.returncode == 1
        assert ended.stderr.startswith("chirp-worker: Kafka: ")
        assert ended.stderr.count("\n") == 1
        assert await gauge(address, "tts_rollout_revision") == 1
        await asyncio.to_thread(own_cluster.start, 1)

        async def made() -> dict | None:
            # A broker that has just started may be silent for longer than a command waits.
            ended = await run(deployment, "rollout", "off", "--json")
            return None if "no answer within" in ended.stderr else json.loads(ended.stdout)

        assert (await until(made))["revision"]["revision"] == 2
        await wait_for_revision([address], 2)
