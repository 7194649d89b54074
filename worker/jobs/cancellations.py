"""The jobs that nobody wants any more, the newest of them, within a bound. Pure."""

from collections import OrderedDict
from datetime import datetime, timedelta
from typing import Final

from schemas.cancellation import Cancellation

MOST_KNOWN: Final = 100_000
"""How many cancellations are kept, some 30 MB with the longest ids; the topic keeps them for a week."""
LATER_JOB: Final = timedelta(minutes=1)
"""A job that was enqueued so long after its cancellation is another one, such as a replay; clocks differ by less."""


class Cancellations:
    """Which jobs were cancelled, and when.

    Args:
        most: how many are kept; of more, the oldest are forgotten.
    """

    def __init__(self, most: int = MOST_KNOWN) -> None:
        self._most = most
        self._times: OrderedDict[str, datetime] = OrderedDict()

    def __len__(self) -> int:
        return len(self._times)

    def note(self, cancellation: Cancellation) -> None:
        """Notes a cancellation; of a job's the latest counts."""
        known = self._times.pop(cancellation.job_id, cancellation.time)
        self._times[cancellation.job_id] = max(known, cancellation.time)
        while len(self._times) > self._most:
            self._times.popitem(last=False)

    def find(self, job_id: str, enqueued_at: datetime) -> datetime | None:
        """When a job was cancelled; None if it wasn't, or was enqueued again after that."""
        cancelled_at = self._times.get(job_id)
        return None if cancelled_at is None or enqueued_at > cancelled_at + LATER_JOB else cancelled_at
