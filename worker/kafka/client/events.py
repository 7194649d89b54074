"""Sends the events that people cause: cancellations, feedback, pairs, votes, verdicts, and a studio's runs."""

from typing import Final, NamedTuple

from schemas.batch_run import BatchRun
from schemas.cancellation import Cancellation
from schemas.events import (
    batch_run_headers,
    cancellation_headers,
    feedback_headers,
    pair_headers,
    verdict_headers,
    vote_headers,
)
from schemas.feedback import Feedback
from schemas.headers import Headers
from schemas.pair import Pair
from schemas.topics import BATCH_RUNS, CANCELLATIONS, FEEDBACK, PAIRS, VERDICTS, VOTES, prefixed
from schemas.verdict import Verdict
from schemas.vote import Vote
from worker.config.sections import KafkaSettings
from worker.kafka.client.producer import Producer

Event = BatchRun | Cancellation | Feedback | Pair | Verdict | Vote
# Pairs, votes and verdicts have one order for everybody who reads them, however many partitions somebody has added.
_ONLY_PARTITION: Final = 0


class _Record(NamedTuple):
    topic: str
    key: str
    headers: Headers
    partition: int | None = None


async def send_event(producer: Producer, settings: KafkaSettings, event: Event) -> None:
    """Sends an event into its topic, and waits until Kafka has acknowledged it.

    Raises:
        KafkaError: Kafka refuses, or can't be reached; it may have the event all the same.
    """
    record = _record(event)
    await producer.send_and_wait(
        prefixed(record.topic, settings.topic_prefix),
        value=event.model_dump_json(exclude_none=True).encode(),
        key=record.key.encode(),
        partition=record.partition,
        headers=record.headers,
    )


def _record(event: Event) -> _Record:
    if isinstance(event, Cancellation):
        return _Record(CANCELLATIONS, event.job_id, cancellation_headers(event))
    if isinstance(event, BatchRun):
        return _Record(BATCH_RUNS, event.run_id, batch_run_headers(event))
    if isinstance(event, Feedback):
        return _Record(FEEDBACK, event.user_id, feedback_headers(event))
    if isinstance(event, Pair):
        return _Record(PAIRS, event.pair_id, pair_headers(event), _ONLY_PARTITION)
    if isinstance(event, Verdict):
        return _Record(VERDICTS, event.line, verdict_headers(event), _ONLY_PARTITION)
    return _Record(VOTES, event.character, vote_headers(event), _ONLY_PARTITION)
