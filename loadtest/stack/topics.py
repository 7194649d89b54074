"""Creates a deployment's topics, for demos, benchmarks and tests."""

import asyncio
import time
from typing import Final

from aiokafka.admin import AIOKafkaAdminClient

from loadtest.stack.processes import StackError
from schemas.topics import RETRY_DELAYS
from worker.kafka.client.topics import create_topics, missing_topics

_LISTED_S: Final = 120.0


async def make_topics(kafka: str, prefix: str = "tts") -> None:
    """Creates all topics and waits until the cluster lists them, which Apache Kafka does a little later.

    Raises:
        StackError: the cluster doesn't list them within two minutes.
        TopicError: the broker refused one.
        KafkaError: no broker answers.
    """
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    try:
        await create_topics(admin, prefix)
        end = time.monotonic() + _LISTED_S
        while missing := missing_topics(await admin.list_topics(), prefix, RETRY_DELAYS):
            if time.monotonic() > end:
                raise StackError(f"{', '.join(missing)}: created but not listed after {_LISTED_S:g} s")
            await asyncio.sleep(0.05)
    finally:
        await admin.close()
