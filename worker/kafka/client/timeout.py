"""How long a request to Kafka may take."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from aiokafka.errors import KafkaTimeoutError

# aiokafka reports nothing while a broker is gone. A consumer without any answer for so long is replaced, because its
# metadata of the cluster may be outdated.
SILENCE_S: Final = 10.0


@asynccontextmanager
async def kafka_timeout(wait_s: float = 0.0) -> AsyncIterator[None]:
    """Limits requests to Kafka to 10 s, plus the time that the request itself may wait for records.

    Args:
        wait_s: that time, in seconds.

    Raises:
        KafkaTimeoutError: the time is over.
    """
    try:
        async with asyncio.timeout(SILENCE_S + wait_s):
            yield
    except TimeoutError:
        raise KafkaTimeoutError(f"no answer within {SILENCE_S:g} s") from None
