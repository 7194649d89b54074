"""Partitions that are added to a lane while workers run."""

import json

from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions

from schemas.enums import JobStatus, Lane
from schemas.topics import LANES
from tests.stack.deployment import job


async def test_a_partition_that_is_added_is_served_within_seconds(deployment):
    topic = deployment.topic(LANES[Lane.DIALOGUE])
    with deployment.worker() as (process, _):
        admin = AIOKafkaAdminClient(bootstrap_servers=deployment.stack.kafka)
        await admin.start()
        await admin.create_partitions({topic: NewPartitions(13)})
        await admin.close()
        producer = AIOKafkaProducer(bootstrap_servers=deployment.stack.kafka)
        await producer.start()
        await producer.send_and_wait(topic, json.dumps(job(1)).encode(), partition=12)
        await producer.stop()
        # With aiokafka's own age of 300 s none would come within these two minutes.
        (completion,) = await deployment.completions(1)
        assert f"{topic}/12" in process.log.read_text()
    assert completion.status is JobStatus.DONE
