"""Connects a worker to Kafka and joins its consumer, assignment and delivery; waits for Kafka while it is down."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from schemas.groups import worker_transactional_id
from worker.config.sections import KafkaSettings
from worker.config.settings import Settings
from worker.kafka.client.admin import Admin, connect_admin
from worker.kafka.client.committed_offsets import CommittedOffsets
from worker.kafka.client.consumer import lanes_consumer
from worker.kafka.client.consumer_interface import GroupConsumer
from worker.kafka.client.health import kafka_outage, kafka_outage_at_start
from worker.kafka.client.producer import connect_producer, connect_stream_producer
from worker.kafka.client.topics import list_sources
from worker.kafka.consumer.assignment import AssignedPartitions
from worker.kafka.consumer.ports import Delivery
from worker.kafka.consumer.rebalance import AssignmentListener, RebalanceListener
from worker.kafka.consumer.stall_detector import StallDetector
from worker.kafka.delivery.abandoned_transactions import AbandonedTransactions
from worker.kafka.delivery.at_least_once import AtLeastOnce
from worker.kafka.delivery.exactly_once import ExactlyOnce, TransactionGrouping
from worker.kafka.delivery.outbox import Outbox, OutcomeMessages
from worker.kafka.delivery.renewable_producer import RenewableProducer
from worker.kafka.delivery.sender import Sender
from worker.kafka.delivery.stream_sink import StreamSinks
from worker.lifecycle.clock import Clock
from worker.lifecycle.dependency import Dependency
from worker.lifecycle.stop_client import stop_client
from worker.observability.tracing.tracer import Tracer
from worker.storage.takes import content_type


@dataclass(frozen=True)
class KafkaClients:
    """What a worker works with. The consumer is subscribed to `topics` and not started; the rest is started."""

    consumer: GroupConsumer
    topics: list[str]
    partitions: AssignedPartitions
    delivery: Delivery
    streams: StreamSinks


@asynccontextmanager
async def connect_kafka(
    settings: Settings,
    messages: OutcomeMessages,
    stall_detector: StallDetector,
    listener: AssignmentListener,
    kafka: Dependency,
    *,
    clock: Clock,
    tracer: Tracer,
) -> AsyncIterator[KafkaClients]:
    """Opens a worker's clients; they are closed in the order that loses nothing, the consumer first.

    Args:
        stall_detector: the caller must run it.
        listener: called when a rebalance changes the assignment.
        tracer: records the spans of outcomes.

    Raises:
        TopicError: topics of the table are missing.
    """
    async with AsyncExitStack() as stack:
        admin = await kafka.wait_until_up(
            partial(_entered, stack, partial(connect_admin, settings.kafka)), kafka_outage_at_start
        )
        sources_listed = partial(
            list_sources,
            admin,
            settings.kafka.topic_prefix,
            settings.delivery.retry_delays,
            settings.delivery.reply_topics,
        )
        sources = await kafka.wait_until_up(sources_listed, kafka_outage)
        # Before the consumer starts: a producer of transactions ends the one that a killed predecessor left open.
        connect = partial(RenewableProducer, _producer(settings))
        producer = await kafka.wait_until_up(partial(_entered, stack, connect), kafka_outage_at_start)
        streaming = await kafka.wait_until_up(
            partial(_entered, stack, partial(connect_stream_producer, settings.kafka)), kafka_outage_at_start
        )
        streams = StreamSinks(streaming, messages.source, content_type, clock)
        consumer = lanes_consumer(settings.kafka)
        stack.push_async_callback(stop_client, "consumer", consumer.stop)
        offsets = CommittedOffsets(admin, settings.kafka.group_id)
        partitions = AssignedPartitions(consumer, sources)
        delivery: Delivery
        if settings.delivery.guarantee == "exactly-once":
            delivery = ExactlyOnce(
                producer,
                offsets,
                messages,
                consumer,
                partitions,
                group_id=settings.kafka.group_id,
                grouping=TransactionGrouping(),
                abandoned=_abandoned(settings.kafka, admin),
                stall_detector=stall_detector,
                tracer=tracer,
            )
        else:
            delivery = AtLeastOnce(
                Outbox(Sender(producer), messages, tracer), consumer, partitions, settings.kafka.commit_interval_s
            )
        rebalances = RebalanceListener(
            consumer=consumer,
            partitions=partitions,
            offsets=offsets,
            sources=sources,
            delivery=delivery,
            listener=listener,
            revoke_wait_s=settings.kafka.revoke_wait_s,
            session_timeout_s=settings.kafka.session_timeout_s,
        )
        consumer.subscribe(list(sources), listener=rebalances)
        yield KafkaClients(consumer, list(sources), partitions, delivery, streams)


async def _entered(stack: AsyncExitStack, connect: Any) -> Any:
    return await stack.enter_async_context(connect())


def _abandoned(kafka: KafkaSettings, admin: Admin) -> AbandonedTransactions:
    return AbandonedTransactions(
        admin,
        partial(connect_producer, kafka),
        prefix=worker_transactional_id(kafka.group_id, ""),
        own_id=worker_transactional_id(kafka.group_id, kafka.group_instance_id or ""),
        older_than_s=kafka.session_timeout_s / 2,
    )


def _producer(settings: Settings) -> Any:
    kafka = settings.kafka
    if settings.delivery.guarantee != "exactly-once":
        return partial(connect_producer, kafka)
    # The same id after a restart: a random one would leave a killed worker's transaction open for a minute, and all
    # readers of committed records waiting for its end.
    return partial(connect_producer, kafka, worker_transactional_id(kafka.group_id, kafka.group_instance_id or ""))
