"""Records that Kafka deletes before they are taken: at a start, while running, and beside ordinary gaps."""

import json

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete

from loadtest.stack.counters import scrape
from schemas.enums import Lane
from schemas.topics import LANES
from tests.stack.deployment import job
from tests.until import until


async def send(deployment, numbers, transaction=None):
    producer = AIOKafkaProducer(bootstrap_servers=deployment.stack.kafka, acks="all", transactional_id=transaction)
    await producer.start()
    try:
        for number in numbers:
            if transaction:
                await producer.begin_transaction()
            value = json.dumps(job(number)).encode()
            await producer.send_and_wait(deployment.topic(LANES[Lane.DIALOGUE]), value, partition=0)
            if transaction:
                await producer.commit_transaction()
    finally:
        await producer.stop()


async def delete_before(deployment, offset):
    admin = AIOKafkaAdminClient(bootstrap_servers=deployment.stack.kafka)
    await admin.start()
    try:
        partition = TopicPartition(deployment.topic(LANES[Lane.DIALOGUE]), 0)
        await admin.delete_records({partition: RecordsToDelete(before_offset=offset)})
    finally:
        await admin.close()


def losses(process):
    lines = [json.loads(line) for line in process.log.read_text().splitlines() if line.startswith("{")]
    return [(each["partition"], each["first"], each["last"]) for each in lines if each["event"] == "records_lost"]


async def test_records_that_expire_before_they_are_taken_are_reported(deployment):
    with deployment.worker("first") as (process, address):
        await send(deployment, range(20))
        await deployment.completions(20)
        await deployment.until_committed()
        assert losses(process) == []
        assert (await scrape(address)).total("tts_records_lost_total") == 0
    await send(deployment, range(20, 30))
    await delete_before(deployment, 25)
    with deployment.worker("second") as (process, address):
        await deployment.completions(25)
        assert losses(process) == [(0, 20, 24)]
        assert (await scrape(address)).total("tts_records_lost_total", lane="dialogue") == 5
        await deployment.until_committed()
    with deployment.worker("third") as (process, _):
        await send(deployment, [30])
        await deployment.completions(26)
        assert losses(process) == []


async def test_a_loss_while_jobs_run_is_reported_and_transactions_markers_are_not(deployment):
    # One job at a time: the others wait in the log.
    await deployment.set_faults({"kind": "slow", "seconds": 15, "text_pattern": r"number 0\."})
    with deployment.worker(MAX_IN_FLIGHT="1", DIALOGUE_SHARE="0") as (process, address):
        await send(deployment, [0], "producer")

        async def under_way() -> bool:
            return (await deployment.calls())["in_flight"] == 1

        await until(under_way)
        # Its record, its marker, and five more pairs, two of which the worker may have fetched already.
        await send(deployment, range(1, 6), "producer")
        await delete_before(deployment, 10)

        async def last_is_done() -> bool:
            return "job-5" in {each.job_id for each in await deployment.completions(1)}

        await until(last_is_done)
        assert all(1 <= first <= last <= 9 for _, first, last in losses(process))
        assert len(losses(process)) <= 1
        lost = (await scrape(address)).total("tts_records_lost_total")
        done = len(await deployment.completions(1))
        # Each lost job is a record and a marker.
        assert lost >= 6 - done


async def test_a_new_group_on_a_trimmed_log_and_a_topic_with_markers_lose_nothing(deployment):
    await send(deployment, range(6), "producer")
    await delete_before(deployment, 4)
    with deployment.worker() as (process, address):
        completions = await deployment.completions(4)
        assert {each.job_id for each in completions} == {"job-2", "job-3", "job-4", "job-5"}
        assert losses(process) == []
        assert (await scrape(address)).total("tts_records_lost_total") == 0
