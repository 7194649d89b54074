"""Takes the records of the lanes and of the completions to the recent lines, the waiters and the event streams."""

from typing import Final

from schemas.headers import header_text
from schemas.parsing import InvalidJobError, job_document
from schemas.times import known_ms
from schemas.topics import lane_of, unprefixed
from worker.console.lines.event_streams import CompletionEvent, EventStreams
from worker.console.lines.recent_lines import RecentLines
from worker.console.lines.waiters import Waiters
from worker.kafka.client.consumer import ReceivedRecord

_LONGEST_ID: Final = 128


class KafkaRecords:
    """What the followers of the topics call with each record.

    Args:
        topic_prefix: of the deployment's topics.
    """

    def __init__(self, topic_prefix: str, recent: RecentLines, waiters: Waiters, streams: EventStreams) -> None:
        self._topic_prefix = topic_prefix
        self._recent = recent
        self._waiters = waiters
        self._streams = streams

    def observe_job(self, record: ReceivedRecord) -> None:
        """Notes a record of a lane; one that isn't a job is passed over."""
        lane = lane_of(unprefixed(record.topic, self._topic_prefix))
        if lane is None or record.value is None:
            return
        try:
            job_id = job_document(record.value).get("job_id")
        except InvalidJobError:
            return
        if isinstance(job_id, str) and 0 < len(job_id) <= _LONGEST_ID:
            self._recent.note_job(job_id, lane, record.value, known_ms(record.timestamp) or 0)

    def observe_completion(self, record: ReceivedRecord) -> None:
        """Notes a completion, wakes those who wait for it, and offers it to the streams."""
        headers = list(record.headers)
        job_id = header_text(headers, "ce_subject")
        if not job_id or record.value is None:
            return
        self._waiters.complete(job_id, record.value)
        self._recent.note_completion(job_id, record.value, known_ms(record.timestamp) or 0)
        self._streams.publish(CompletionEvent(header_text(headers, "ce_id") or "", record.value))
