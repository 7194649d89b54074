import asyncio

import pytest
from aiokafka import AIOKafkaConsumer, OffsetAndMetadata, TopicPartition
from aiokafka.errors import OffsetMetadataTooLargeError

from loadtest.stack.kafka_cluster import list_brokers
from schemas.enums import JobStatus, Lane
from schemas.topics import COMPLETIONS, LANES
from tests.stack.deployment import job
from tests.until import HANG_S, until


async def test_a_worker_speaks_twenty_jobs(deployment):
    with deployment.worker():
        await deployment.produce(job(number) for number in range(20))
        completions = await deployment.completions(20)
        await deployment.until_committed()
    assert {completion.job_id for completion in completions} == {f"job-{number}" for number in range(20)}
    assert {completion.status for completion in completions} == {JobStatus.DONE}
    assert len(await deployment.keys()) == 20
    assert await deployment.lane_offsets() == (20, 20)


async def test_a_killed_broker_comes_back_with_its_data(own_cluster, deployment):
    await deployment.produce(job(number) for number in range(20))
    own_cluster.kill(1)
    assert own_cluster.running == []
    await asyncio.to_thread(own_cluster.restart, 1)
    assert len(await deployment.read(LANES[Lane.DIALOGUE], 20)) == 20


async def test_a_stopped_broker_comes_back_with_its_data(own_cluster, deployment):
    await deployment.produce(job(number) for number in range(20))
    await asyncio.to_thread(own_cluster.stop, 1)
    await asyncio.to_thread(own_cluster.start, 1)
    assert len(await deployment.read(LANES[Lane.DIALOGUE], 20)) == 20


async def test_two_of_three_brokers_go_on_and_the_third_comes_back(three_brokers, deployment_on_three):
    await deployment_on_three.produce(job(number) for number in range(20))
    three_brokers.kill(2)
    await deployment_on_three.produce(job(number) for number in range(20, 40))
    assert len(await deployment_on_three.read(LANES[Lane.DIALOGUE], 40)) == 40
    await asyncio.to_thread(three_brokers.restart, 2)

    async def all_listed() -> bool:
        return await list_brokers(three_brokers.bootstrap) == {1, 2, 3}

    # On a busy machine another one may be missed for a moment.
    await until(all_listed)


@pytest.mark.parametrize(("length", "accepted"), [(4096, True), (4097, False)])
async def test_the_metadata_of_a_commit_may_be_4096_bytes_long(deployment, length, accepted):
    partition = TopicPartition(deployment.topic(COMPLETIONS), 0)
    consumer = AIOKafkaConsumer(
        bootstrap_servers=deployment.stack.kafka, group_id=deployment.name, enable_auto_commit=False
    )
    consumer.assign([partition])
    await consumer.start()
    try:
        commit = consumer.commit({partition: OffsetAndMetadata(0, "m" * length)})
        if accepted:
            await commit
        else:
            with pytest.raises(OffsetMetadataTooLargeError):
                await commit
    finally:
        await consumer.stop()


async def test_a_topic_may_have_fewer_partitions_than_the_table_says(kafka_stack, deployment):
    await deployment.create_topic("tts.narrow", 1, retention_ms="60000")
    await deployment.create_topics()
    async with asyncio.timeout(HANG_S):
        consumer = AIOKafkaConsumer(deployment.topic("tts.narrow"), bootstrap_servers=kafka_stack.kafka)
        await consumer.start()
        assert consumer.partitions_for_topic(deployment.topic("tts.narrow")) == {0}
        await consumer.stop()
