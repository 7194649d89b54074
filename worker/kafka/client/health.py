"""Kafka's health: whether brokers answer and acknowledge; aiokafka waits silently for brokers that are gone."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Final

from aiokafka.errors import KafkaConnectionError, KafkaError

from schemas.errors import UnavailableError
from worker.kafka.client.connection_problem import BrokerConnectionError
from worker.kafka.client.consumer_interface import Consumer
from worker.kafka.client.denial import ADVICE, describe_denial
from worker.lifecycle.dependency import REFUSED, UNREACHABLE, Dependency, Outage

_EVERY_S: Final = 2.0
_ANSWER_S: Final = 5.0
# With two replicas of three in sync an acknowledgement takes milliseconds; a new leader is there within seconds.
_UNDELIVERED_S: Final = 15.0


class StalledProducerError(UnavailableError):
    """Outcomes wait for Kafka's acknowledgement, and it doesn't come."""


def kafka_outage(error: Exception) -> Outage | None:
    """The outage that an error is; None for an error that isn't Kafka's.

    Any error of Kafka's is an outage: what the worker requests always works on a cluster that is up, and with its
    role's rights.
    """
    if isinstance(error, StalledProducerError):
        advice = (
            "see `producer_failed` in the log, and whether a partition has no leader or too few replicas in sync; the "
            "jobs in work are kept"
        )
        return Outage("not_taken", "Kafka: outcomes aren't acknowledged", str(error), advice)
    if isinstance(error, BrokerConnectionError):
        problem = error.problem
        return Outage(problem.reason, f"Kafka: {problem.what}", problem.what, problem.advice)
    if not isinstance(error, KafkaError | OSError):
        return None
    if denial := describe_denial(error):
        return Outage(REFUSED, "Kafka: a right is missing", denial, f"grant it; {ADVICE}")
    what = "Kafka: no broker answers"
    return Outage(UNREACHABLE, what, f"{type(error).__name__}: {error}", "start it, or correct KAFKA_BOOTSTRAP_SERVERS")


def kafka_outage_at_start(error: Exception) -> Outage | None:
    """As `kafka_outage`, for a cluster that can't be reached; None for one that answers and refuses."""
    return kafka_outage(error) if isinstance(error, KafkaConnectionError | OSError) else None


async def monitor_kafka(consumer: Consumer, oldest_undelivered_s: Callable[[], float], kafka: Dependency) -> None:
    """Checks Kafka every 2 s until it is cancelled, and keeps the state of the dependency.

    Args:
        consumer: started; requests for its topics go to one broker after the other.
        oldest_undelivered_s: how long the oldest outcome has waited for its acknowledgement, in seconds.
    """
    while True:
        await kafka.wait_until_up(partial(_check, consumer, oldest_undelivered_s), kafka_outage)
        await asyncio.sleep(_EVERY_S)


async def _check(consumer: Consumer, oldest_undelivered_s: Callable[[], float]) -> None:
    async with asyncio.timeout(_ANSWER_S):
        await consumer.topics()
    waited_s = oldest_undelivered_s()
    if waited_s > _UNDELIVERED_S:
        raise StalledProducerError(f"the oldest outcome has waited for {waited_s:.0f} s")
