"""All brokers come back at an address that stands in KAFKA_BOOTSTRAP_SERVERS too, and at none of the old ones."""

import asyncio
from dataclasses import replace

import pytest

from loadtest.stack.ports import free_ports
from schemas.enums import JobStatus
from tests.kafka.conftest import apache_kafka
from tests.stack.deployment import Deployment, job

JOBS = 5


@pytest.fixture(scope="module")
def moving_cluster(tmp_path_factory):
    with apache_kafka(tmp_path_factory.mktemp("moving")) as own:
        yield own


async def test_a_worker_finds_brokers_that_have_moved_and_keeps_its_jobs(moving_cluster, kafka_stack, tmp_path):
    (new_port,) = free_ports(1)
    stack = replace(kafka_stack, kafka=moving_cluster.bootstrap)
    deployment = Deployment(stack, tmp_path)
    deployment.environment |= {
        "KAFKA_BOOTSTRAP_SERVERS": f"{moving_cluster.bootstrap},127.0.0.1:{new_port}",
        "ROLLOUT_SOURCE": "topic",
    }
    await deployment.reset_emulator()
    await deployment.create_topics()
    with deployment.worker() as (process, _):
        await deployment.produce(job(number) for number in range(JOBS))
        await deployment.completions(JOBS)
        await asyncio.to_thread(moving_cluster.move, 1, new_port)
        moved = Deployment(replace(stack, kafka=moving_cluster.bootstrap), tmp_path)
        moved.name = deployment.name
        await moved.produce(job(number) for number in range(JOBS, 2 * JOBS))
        completions = await moved.completions(2 * JOBS)
        assert process.running
        log = process.log.read_text()
    assert {each.job_id for each in completions} == {f"job-{number}" for number in range(2 * JOBS)}
    assert {each.status for each in completions} == {JobStatus.DONE}
    assert '"event": "kafka_moved"' in log
    assert f"127.0.0.1:{new_port}" in log
