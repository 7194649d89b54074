"""Connects a worker to Kafka, waiting for it where it is down."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from worker.config.settings import Settings
from worker.kafka.client.factory import connect_admin, connect_producer, consumer_of
from worker.kafka.client.health import outage_at_start, outage_of_kafka
from worker.kafka.client.topics import sources_of
from worker.kafka.consumer.committed_offsets import CommittedOffsets
from worker.kafka.consumer.partition import Source
from worker.kafka.consumer.stall_detector import StallDetector
from worker.kafka.delivery.at_least_once import AtLeastOnce
from worker.kafka.delivery.exactly_once import ExactlyOnce, TransactionGrouping
from worker.kafka.delivery.outbox import Outbox, OutcomeMessages
from worker.kafka.delivery.producer import RenewableProducer
from worker.kafka.delivery.sender import Sender
from worker.lifecycle.dependency import Dependency
from worker.lifecycle.stop_client import stop_client


@dataclass(frozen=True)
class KafkaClients:
    """What a worker works with: the consumer is neither subscribed nor started, the rest is started."""

    consumer: Any
    delivery: AtLeastOnce | ExactlyOnce
    offsets: CommittedOffsets
    sources: dict[str, Source]


@asynccontextmanager
async def connect_kafka(
    settings: Settings, messages: OutcomeMessages, pulse: StallDetector, kafka: Dependency
) -> AsyncIterator[KafkaClients]:
    """Opens a worker's clients; closed in the order that loses nothing, the consumer first.

    Args:
        settings: of the worker.
        messages: writes outcomes down.
        pulse: of this process; somebody must run it.
        kafka: what is waited for.

    Raises:
        TopicError: topics of the table are missing.
    """
    async with AsyncExitStack() as stack:
        admin = await kafka.wait_until_up(
            partial(_entered, stack, partial(connect_admin, settings.kafka)), outage_at_start
        )
        delivery = settings.delivery
        list_sources = partial(
            sources_of, admin, settings.kafka.topic_prefix, delivery.retry_delays, delivery.reply_topics
        )
        sources = await kafka.wait_until_up(list_sources, outage_of_kafka)
        # Before the consumer: its start ends the transaction that a killed predecessor left open.
        offsets = CommittedOffsets(admin, settings.kafka.group_id)
        deliver = partial(_delivery, settings, messages, pulse, offsets)
        delivers = await kafka.wait_until_up(partial(_entered, stack, deliver), outage_at_start)
        consumer = consumer_of(settings.kafka)
        stack.push_async_callback(stop_client, "consumer", consumer.stop)
        yield KafkaClients(consumer, delivers, offsets, sources)


async def _entered(stack: AsyncExitStack, connect: Any) -> Any:
    return await stack.enter_async_context(connect())


@asynccontextmanager
async def _delivery(
    settings: Settings, messages: OutcomeMessages, pulse: StallDetector, offsets: CommittedOffsets
) -> AsyncIterator[AtLeastOnce | ExactlyOnce]:
    kafka = settings.kafka
    if settings.delivery.guarantee == "exactly-once":
        # The same after a restart: a random one would leave a killed worker's transaction open for a minute, and
        # everybody who reads committed records waiting for its end.
        connect = partial(connect_producer, kafka, f"{kafka.group_id}-{kafka.group_instance_id}")
        async with RenewableProducer(connect) as producing:
            yield ExactlyOnce(
                producing, offsets, messages, group_id=kafka.group_id, grouping=TransactionGrouping(), pulse=pulse
            )
    else:
        async with RenewableProducer(partial(connect_producer, kafka)) as producing:
            yield AtLeastOnce(Outbox(Sender(producing), messages), kafka.commit_interval_s)
