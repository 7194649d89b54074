"""Health check of a dependency, run after a failed call: is the dependency down, or did this one job fail?"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from worker.lifecycle.clock import Clock
from worker.lifecycle.dependency import Backoff, Dependency, OutageMetrics, Sleep

Probe = Callable[[], Awaitable[None]]
"""Makes a request that always works while the dependency is up; raises `DependencyDownError` when it doesn't."""

# While some calls fail and probes work, one probe serves all jobs that fail within this time.
_FRESH_S: Final = 1.0


class ProbedDependency(Dependency):
    """A dependency with a probe.

    One task runs `run`. Jobs await `probe_after_failure`; all jobs that wait at the same time share one probe.
    """

    def __init__(
        self,
        name: str,
        probe: Probe,
        backoff: Backoff,
        metrics: OutageMetrics,
        clock: Clock,
        *,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        super().__init__(name, backoff, metrics, clock, sleep=sleep)
        self._probe = probe
        self._probe_requested = asyncio.Event()
        self._was_up: asyncio.Future[bool] | None = None
        self._worked_at: float | None = None

    async def probe_after_failure(self, ended_before: int) -> bool:
        """Probes the dependency after a job's call failed; waits for the end of an outage, however long it takes.

        Args:
            ended_before: `ended_outages` as it was before the failed call.

        Returns:
            True if the dependency is up and was up since the call began: the failure is the job's own. False if it was
            down, now or since the call began, and is up again: the job may try again.
        """
        if self._was_up is None:
            # A call that began during an outage may fail, or time out, after the outage.
            if self.ended_outages != ended_before:
                return False
            if self._worked_recently():
                return True
            self._was_up = asyncio.get_running_loop().create_future()
            self._probe_requested.set()
        # Shielded: the cancellation of one job must not cancel the future that the others wait for.
        return await asyncio.shield(self._was_up)

    async def run(self) -> None:
        """Probes whenever a job requests it, until cancelled."""
        while True:
            await self._probe_requested.wait()
            self._probe_requested.clear()
            ended_before = self.ended_outages
            await self.wait_until_up(self._probe)
            self._worked_at = self._clock.monotonic()
            was_up, self._was_up = self._was_up, None
            if was_up is not None:
                was_up.set_result(self.ended_outages == ended_before)

    def _worked_recently(self) -> bool:
        return self._worked_at is not None and self._clock.monotonic() - self._worked_at <= _FRESH_S
