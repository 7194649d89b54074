"""Where a worker gets the cancelled jobs from: the topic `tts.cancellations`."""

from datetime import timedelta
from typing import Final

import structlog

from schemas.message_parsing import InvalidMessageError, parse_cancellation
from schemas.topics import CANCELLATIONS, TOPICS, prefixed
from worker.app.process_parts import ProcessParts
from worker.jobs.cancellations import Cancellations
from worker.kafka.client.consumer_interface import ReceivedRecord
from worker.kafka.scan.topic_follower import TopicFollower

_KEPT: Final = timedelta(milliseconds=next(each.retention_ms for each in TOPICS if each.name == CANCELLATIONS))
# A broker answers each fetch within half a second; the follower gives one up that is silent for 30 s.
_OLD_S: Final = 40.0
_log = structlog.get_logger(__name__)


class CancellationSource:
    """The cancelled jobs, and the follower that keeps them up to date.

    Attributes:
        known: looked at by each job.
        follower: to be started before the first job, and run beside the jobs.
    """

    def __init__(self, parts: ProcessParts) -> None:
        kafka = parts.settings.kafka
        self.known = Cancellations()
        self._metrics = parts.metrics
        self.follower = TopicFollower(
            kafka,
            "cancellations",
            [prefixed(CANCELLATIONS, kafka.topic_prefix)],
            self._observe,
            since=parts.clock.now() - _KEPT,
            clock=parts.clock,
        )
        parts.metrics.track_cancellations_age(self.follower.age_s)

    def problem(self) -> str | None:
        """Why this worker doesn't know the latest cancellations; None if it does, or hasn't read the topic yet."""
        age_s = self.follower.age_s()
        if not self.follower.caught_up.is_set() or age_s <= _OLD_S:
            return None
        return f"cancellations: the topic hasn't answered for {age_s:.0f} s; jobs cancelled since then are spoken"

    def _observe(self, record: ReceivedRecord) -> None:
        try:
            self.known.note(parse_cancellation(record.value))
        except InvalidMessageError as error:
            self._metrics.count_cancellation(noted=False)
            _log.warning("cancellation_passed_over", offset=record.offset, why=str(error)[:300])
        else:
            self._metrics.count_cancellation(noted=True)
