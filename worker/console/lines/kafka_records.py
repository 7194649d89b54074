"""Takes the records of the lanes, the completions and the streams to the recent lines and to who waits for them."""

import json
from typing import Final

from pydantic import ValidationError

from schemas.audio_stream import StreamEnd
from schemas.enums import JobStatus
from schemas.events import AUDIO_CHUNK_TYPE, STREAM_END_TYPE
from schemas.headers import CE_NUMBER, CE_STREAM, header_number, header_text
from schemas.parsing import InvalidJobError, job_document
from schemas.times import known_ms
from schemas.topics import lane_of, unprefixed
from worker.console.lines.event_streams import CompletionEvent, EventStreams
from worker.console.lines.line_streams import LineStreams
from worker.console.lines.recent_lines import RecentLines
from worker.console.lines.waiters import Waiters
from worker.kafka.client.consumer_interface import ReceivedRecord

_LONGEST_ID: Final = 128


class KafkaRecords:
    """What the followers of the topics call with each record.

    Args:
        topic_prefix: of the deployment's topics.
    """

    def __init__(
        self, topic_prefix: str, recent: RecentLines, waiters: Waiters, streams: EventStreams, heard: LineStreams
    ) -> None:
        self._topic_prefix = topic_prefix
        self._recent = recent
        self._waiters = waiters
        self._streams = streams
        self._heard = heard

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
        if self._heard.find(job_id) is not None and not _is_done(record.value):
            # Its worker may have had no time for the stream's end.
            self._heard.break_off(job_id, "the line has failed")
        event = completion_event(record)
        if event is not None:
            self._streams.publish(event)

    def observe_stream(self, record: ReceivedRecord) -> None:
        """Notes a chunk, or a stream's end; a record that is neither is passed over."""
        headers = list(record.headers)
        kind = header_text(headers, "ce_type")
        if kind == STREAM_END_TYPE:
            try:
                self._heard.note_end(StreamEnd.model_validate_json(record.value or b""))
            except ValidationError:
                # Of a later version: whoever listens gets an incomplete answer once the line has ended otherwise.
                return
        elif kind == AUDIO_CHUNK_TYPE:
            job_id, stream_id = header_text(headers, "ce_subject"), header_text(headers, CE_STREAM)
            number, media_type = header_number(headers, CE_NUMBER), header_text(headers, "content-type")
            if job_id and stream_id and number and media_type and record.value:
                self._heard.note_chunk(job_id, stream_id, number, record.value, media_type)


def _is_done(completion: bytes) -> bool:
    try:
        document = json.loads(completion)
    except (ValueError, RecursionError):
        return False
    return isinstance(document, dict) and document.get("status") == JobStatus.DONE


def completion_event(record: ReceivedRecord) -> CompletionEvent | None:
    """A record of the completions as the streams carry it; None of one that is no completion."""
    if record.value is None:
        return None
    ce_id = header_text(list(record.headers), "ce_id") or ""
    # Whatever stands in a header: a line break would end the event's id.
    printable = "".join(each for each in ce_id if each.isprintable())
    return CompletionEvent(printable, record.value, record.partition, record.offset)
