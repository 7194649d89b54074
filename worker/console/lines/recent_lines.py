"""The latest lines that this process has read of Kafka: each job's record and its completion's, within bounds. Pure."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from schemas.enums import Lane


@dataclass
class RecentLine:
    """What is known of a job: its record, and that of its last completion.

    Attributes:
        lane: of the job's record; None while only its completion was read.
        job: the value of the job's record; None likewise.
        queued_ms: the time of the job's record, in ms since 1970.
        completion: the value of the completion's record; None before it.
        ended_ms: the time of that record.
    """

    job_id: str
    lane: Lane | None = None
    job: bytes | None = None
    queued_ms: int | None = None
    completion: bytes | None = None
    ended_ms: int | None = None

    @property
    def size(self) -> int:
        """The bytes of its records."""
        return len(self.job or b"") + len(self.completion or b"")


class RecentLines:
    """The lines that changed last.

    Args:
        most: how many are kept.
        most_bytes: how many bytes of records are kept; the objects around them take some 500 bytes a line more.
    """

    def __init__(self, most: int, most_bytes: int) -> None:
        self._most = most
        self._most_bytes = most_bytes
        self._bytes = 0
        self._lines: OrderedDict[str, RecentLine] = OrderedDict()

    def __len__(self) -> int:
        return len(self._lines)

    def find(self, job_id: str) -> RecentLine | None:
        """What is known of a job; None if it isn't among the latest lines."""
        return self._lines.get(job_id)

    def note_job(self, job_id: str, lane: Lane, record: bytes, queued_ms: int) -> None:
        """Notes a job's record in its lane."""

        def change(line: RecentLine) -> None:
            line.lane, line.job, line.queued_ms = lane, record, queued_ms

        self._change(job_id, change)

    def note_completion(self, job_id: str, record: bytes, ended_ms: int) -> None:
        """Notes a completion's record; the last one counts."""

        def change(line: RecentLine) -> None:
            line.completion, line.ended_ms = record, ended_ms

        self._change(job_id, change)

    def _change(self, job_id: str, change: Callable[[RecentLine], None]) -> None:
        line = self._lines.pop(job_id, None) or RecentLine(job_id)
        self._bytes -= line.size
        change(line)
        self._lines[job_id] = line
        self._bytes += line.size
        while len(self._lines) > self._most or (self._bytes > self._most_bytes and len(self._lines) > 1):
            _, oldest = self._lines.popitem(last=False)
            self._bytes -= oldest.size
