"""Reads a record once, at the consumer's door, into what the core handles: its content and its job's history."""

from datetime import datetime

from worker.jobs.outcome import ReceivedJob
from worker.kafka.consumer.record import Record
from worker.kafka.consumer.retry_headers import read_history


def read_job(record: Record, now: datetime) -> ReceivedJob:
    """What the handler of jobs gets of a record that arrives now: content, history, and where it came from."""
    return ReceivedJob(
        lane=record.lane,
        content=record.value,
        unreadable=record.unreadable,
        history=read_history(record, now),
        log_fields={"topic": record.topic, "partition": record.partition, "offset": record.offset},
    )
