"""Writes pairs into their topic, and the jobs that make their takes into the batch lane."""

from collections.abc import Collection, Iterable

from schemas.enums import Lane
from schemas.pair import Pair
from schemas.topics import PAIRS, prefixed
from worker.config.sections import KafkaSettings
from worker.kafka.client.events import send_event
from worker.kafka.client.producer import Producer, connect_producer
from worker.kafka.client.submit import submit
from worker.listening.pair_plan import PairPlan
from worker.observability.tracing.tracer import NO_TRACER, Tracer


async def make_pairs(settings: KafkaSettings, plan: PairPlan, tracer: Tracer = NO_TRACER) -> int:
    """Makes the pairs of a plan: listeners get each one once both of its takes are stored.

    The pairs are written first. What a crash leaves out is made by the same plan once more, and nothing twice.

    Returns:
        How many jobs were sent.

    Raises:
        KafkaError: Kafka refuses, or doesn't answer.
    """
    jobs = list(plan.missing())
    async with connect_producer(settings) as producer:
        await _publish(producer, settings, [each.pair for each in plan.pairs])
        for job in jobs:
            await submit(producer, settings, Lane.BATCH, job, tracer)
    return len(jobs)


async def publish_pairs(settings: KafkaSettings, pairs: Collection[Pair]) -> None:
    """Writes pairs of takes that are there.

    Raises:
        KafkaError: Kafka refuses, or doesn't answer.
    """
    async with connect_producer(settings) as producer:
        await _publish(producer, settings, pairs)


async def remove_pairs(settings: KafkaSettings, pair_ids: Iterable[str]) -> None:
    """Takes pairs away; the votes on them stay.

    Raises:
        KafkaError: Kafka refuses, or doesn't answer.
    """
    topic = prefixed(PAIRS, settings.topic_prefix)
    async with connect_producer(settings) as producer:
        for each in pair_ids:
            await producer.send_and_wait(topic, value=None, key=each.encode(), headers=[], partition=0)


async def _publish(producer: Producer, settings: KafkaSettings, pairs: Collection[Pair]) -> None:
    for pair in pairs:
        await send_event(producer, settings, pair)
