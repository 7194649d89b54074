"""Whether Kafka answers and takes what is written: aiokafka's clients wait in silence for brokers that are gone."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from aiokafka.errors import KafkaConnectionError, KafkaError

from schemas.errors import UnavailableError
from worker.lifecycle.dependency import UNREACHABLE, Dependency, Outage

_EVERY_S: Final = 2.0
_ANSWER_S: Final = 5.0
# With two replicas of three in sync an acknowledgement takes milliseconds; a new leader is there within seconds.
_UNDELIVERED_S: Final = 15.0


class StalledProducerError(UnavailableError):
    """Outcomes wait for Kafka's acknowledgement, and it doesn't come."""


def outage_of_kafka(error: Exception) -> Outage | None:
    """Any error of Kafka's is an outage: what is asked for here always works on a cluster that is up."""
    if isinstance(error, StalledProducerError):
        advice = "see whether a partition has no leader or too few replicas in sync; the jobs in work are kept"
        return Outage("not_taken", "Kafka: outcomes aren't acknowledged", str(error), advice)
    if not isinstance(error, KafkaError | OSError):
        return None
    what = "Kafka: no broker answers"
    return Outage(UNREACHABLE, what, f"{type(error).__name__}: {error}", "start it, or mend KAFKA_BOOTSTRAP_SERVERS")


def outage_at_start(error: Exception) -> Outage | None:
    """Tells a cluster that can't be reached from one that answers and refuses."""
    return outage_of_kafka(error) if isinstance(error, KafkaConnectionError | OSError) else None


async def watch_kafka(consumer: Any, oldest_undelivered_s: Callable[[], float], kafka: Dependency) -> None:
    """Asks Kafka every 2 s, until it is cancelled.

    Args:
        consumer: a started aiokafka consumer; for its topics it asks one broker after the other.
        oldest_undelivered_s: how long the oldest outcome waits for its acknowledgement, in seconds.
        kafka: told whether it answers.
    """
    while True:
        await kafka.wait_until_up(partial(_ask, consumer, oldest_undelivered_s), outage_of_kafka)
        await asyncio.sleep(_EVERY_S)


async def _ask(consumer: Any, oldest_undelivered_s: Callable[[], float]) -> None:
    async with asyncio.timeout(_ANSWER_S):
        await consumer.topics()
    waited_s = oldest_undelivered_s()
    if waited_s > _UNDELIVERED_S:
        raise StalledProducerError(f"the oldest outcome has waited for {waited_s:.0f} s")
