"""What `topics create` shows of the topics."""

from collections.abc import Iterable

from schemas.topics import DAY_MS, HOUR_MS
from worker.kafka.client.topics import TopicState


def topic_rows(states: Iterable[TopicState]) -> list[dict[str, object]]:
    """One row a topic."""
    return [
        {
            "topic": each.name,
            "partitions": each.topic.partitions,
            "key": each.topic.key,
            "retention": _retention(each.topic.retention_ms),
            "holds": each.topic.holds,
            "state": each.state,
        }
        for each in states
    ]


def _retention(milliseconds: int) -> str:
    if milliseconds < 0:
        return "for ever"
    return f"{milliseconds // DAY_MS} days" if milliseconds >= DAY_MS else f"{milliseconds // HOUR_MS} h"
