"""What a run spends, held against its cap: what was billed, what jobs in flight will cost, and the next job. Pure."""

from collections.abc import Iterable

from worker.batch.entry import ManifestEntry, SentJob
from worker.pricing.google_terms import list_price, whole_micros


class Spending:
    """The cost of one run in US dollars at list price.

    A job in flight counts with the list price of its take. Once it has ended, what Google billed counts: more after a
    fallback whose first attempt was billed too, less where the take was stored or the job failed.

    Args:
        cap: nothing is sent that would pass it; None for no cap.
    """

    def __init__(self, cap: float | None = None) -> None:
        self.cap = cap
        self.spent = 0.0
        self._in_flight: dict[str, float] = {}

    @property
    def promised(self) -> float:
        """The list price of the jobs in flight."""
        return sum(self._in_flight.values())

    def allows(self, dollars: float) -> bool:
        """Whether a job of this price may be sent now; one that brings the sum to exactly the cap may."""
        return self.cap is None or whole_micros(self.spent + self.promised + dollars) <= whole_micros(self.cap)

    def start(self, jobs: Iterable[SentJob]) -> None:
        """Counts jobs as in flight."""
        self._in_flight |= {each.job_id: expected_price(each) for each in jobs}

    def end(self, entries: Iterable[ManifestEntry]) -> None:
        """Counts what was billed for jobs that have ended, in place of their list price."""
        for each in entries:
            self._in_flight.pop(each.job_id, None)
            self.spent += list_price(each.billed)


def expected_price(sent: SentJob) -> float:
    """The list price of a job's take, in US dollars; 0 where it was stored before the job was sent."""
    return list_price({sent.decided: sent.billed})
