"""Apache Kafka for the tests here and in tests/faults, whose conftest imports these fixtures.

`cluster` has one broker for the whole session, or is the cluster that KAFKA_BOOTSTRAP_SERVERS names: `own_cluster` is
for tests that kill its broker. `three_brokers` are always ours, all three running at the start of each test.
"""

import os
from contextlib import contextmanager
from dataclasses import dataclass, replace

import pytest

from loadtest.stack.java import NoJavaError
from loadtest.stack.kafka_cluster import KafkaCluster
from loadtest.stack.local_stack import local_stack
from tests.stack.cli import start_fork
from tests.stack.deployment import CANNED, Deployment

OUTSIDE = "KAFKA_BOOTSTRAP_SERVERS"


@dataclass(frozen=True)
class OutsideCluster:
    bootstrap: str


@contextmanager
def apache_kafka(folder, *arguments, kind=KafkaCluster, **named):
    """A cluster of one's own; the test is skipped where Java is missing, and fails with CI=true.

    Args:
        kind: the cluster's class; the others are its arguments.
    """
    try:
        cluster = kind(folder, *arguments, **named)
    except NoJavaError as missing:
        if os.environ.get("CI") == "true":
            pytest.fail(str(missing))
        pytest.skip(str(missing))
    with cluster:
        yield cluster


@pytest.fixture(scope="session")
def cluster(tmp_path_factory):
    if outside := os.environ.get(OUTSIDE):
        yield OutsideCluster(outside)
        return
    with apache_kafka(tmp_path_factory.mktemp("kafka")) as own:
        yield own


@pytest.fixture
def own_cluster(cluster):
    if isinstance(cluster, OutsideCluster):
        pytest.skip(f"{OUTSIDE} names a cluster whose brokers are not ours to end")
    cluster.start_all()
    return cluster


@pytest.fixture(scope="session")
def three_for_all(tmp_path_factory):
    if os.environ.get(OUTSIDE):
        pytest.skip(f"{OUTSIDE} names a cluster whose brokers are not ours to end")
    with apache_kafka(tmp_path_factory.mktemp("kafka"), brokers=3) as own:
        yield own


@pytest.fixture
def three_brokers(three_for_all):
    three_for_all.start_all()
    return three_for_all


@pytest.fixture(scope="session")
def kafka_stack(cluster):
    """Store and emulator beside the cluster."""
    with local_stack("external", CANNED, kafka=cluster.bootstrap) as running:
        yield running


@pytest.fixture
async def deployment(kafka_stack, tmp_path):
    mine = Deployment(kafka_stack, tmp_path, start_fork)
    await mine.reset_emulator()
    await mine.create_topics()
    return mine


@pytest.fixture
async def deployment_on_three(kafka_stack, three_brokers, tmp_path):
    mine = Deployment(replace(kafka_stack, kafka=three_brokers.bootstrap), tmp_path, start_fork)
    await mine.reset_emulator()
    await mine.create_topics()
    return mine
