"""Jobs of the same age on two partitions of one worker."""

import asyncio
import json

from aiokafka import AIOKafkaProducer

from schemas.enums import Lane
from schemas.topics import COMPLETIONS, LANES
from tests.stack.deployment import job

EACH = 250
"""Fits a fetch of 64 KiB: all of them lie in the worker's memory, and the one or the other partition's are taken."""


async def test_two_partitions_of_a_worker_are_done_side_by_side(deployment):
    # One of its own, of two partitions.
    deployment.name += "two"
    deployment.environment |= {"KAFKA_TOPIC_PREFIX": deployment.name, "KAFKA_GROUP_ID": deployment.name}
    topic = deployment.topic(LANES[Lane.DIALOGUE])
    await deployment.create_topic(LANES[Lane.DIALOGUE], 2)
    await deployment.create_topics()
    producer = AIOKafkaProducer(bootstrap_servers=deployment.stack.kafka)
    await producer.start()
    try:
        sent = [
            await producer.send(topic, json.dumps(job(number)).encode(), partition=number % 2)
            for number in range(2 * EACH)
        ]
        await asyncio.gather(*sent)
    finally:
        await producer.stop()
    with deployment.worker(MAX_IN_FLIGHT="8"):
        records = await deployment.read(COMPLETIONS, 2 * EACH)
    ended = sorted((record.timestamp, json.loads(record.value)["job_id"]) for record in records)
    ahead = most_ahead = 0
    for _, job_id in ended:
        ahead += 1 if int(job_id.split("-")[1]) % 2 else -1
        most_ahead = max(most_ahead, abs(ahead))
    # 23 here; taken one partition after the other it was all 250. At most 8 are in work, and at most 8 come of a poll.
    assert most_ahead <= 8 * 8
