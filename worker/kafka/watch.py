"""Whether Kafka answers: aiokafka's clients wait in silence for a broker that is gone."""

import asyncio
from functools import partial
from typing import Any, Final

from aiokafka.errors import KafkaError

from worker.outage import UNREACHABLE, Dependency, Outage

_EVERY_S: Final = 2.0
_ANSWER_S: Final = 5.0


def outage_of_kafka(error: Exception) -> Outage | None:
    """Any error of Kafka's is an outage: what is asked for here always works on a cluster that is up."""
    if not isinstance(error, KafkaError | OSError):
        return None
    what = "Kafka: no broker answers"
    return Outage(UNREACHABLE, what, f"{type(error).__name__}: {error}", "start it, or mend KAFKA_BOOTSTRAP_SERVERS")


async def watch_kafka(admin: Any, kafka: Dependency) -> None:
    """Asks Kafka every 2 s, until it is cancelled.

    Args:
        admin: a started aiokafka admin client.
        kafka: told whether it answers.
    """
    while True:
        await kafka.wait_until_up(partial(_ask, admin), outage_of_kafka)
        await asyncio.sleep(_EVERY_S)


async def _ask(admin: Any) -> None:
    async with asyncio.timeout(_ANSWER_S):
        await admin.describe_cluster()
