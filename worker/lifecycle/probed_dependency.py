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
    """A dependency with probes.

    One task runs `run`. Jobs await `probe_after_failure`; all jobs that wait for the same probe share it. During an
    outage every probe that a job waits for must work before the dependency is up again.

    Args:
        probe: for failures that name no other.
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
        self._results: dict[Probe, asyncio.Future[bool]] = {}
        self._worked_at: dict[Probe, float] = {}

    async def probe_after_failure(
        self, ended_before: int, probe: Probe | None = None, *, failed_since: float | None = None
    ) -> bool:
        """Probes the dependency after a job's call failed; waits for the end of an outage, however long it takes.

        Args:
            ended_before: `ended_outages` as it was before the failed call.
            probe: makes the same kind of request as the failed call, so that it fails where all such calls fail.
            failed_since: a probe that worked before this time of the monotonic clock proves nothing; None for a second
                ago.

        Returns:
            True if the dependency is up and was up since the call began: the failure is the job's own. False if it was
            down, now or since the call began, and is up again: the job may try again.
        """
        wanted = probe or self._probe
        if wanted not in self._results:
            # A call that began during an outage may fail, or time out, after the outage.
            if self.is_up and self.ended_outages != ended_before:
                return False
            if self.is_up and self._worked_since(wanted, failed_since):
                return True
        return await self._result(wanted)

    async def wait_while_down(self, probe: Probe | None = None) -> None:
        """Waits for the end of an outage; returns at once while the dependency is up.

        Args:
            probe: must work, too, before the outage has ended.
        """
        if not self.is_up:
            await self._result(probe or self._probe)

    async def run(self) -> None:
        """Probes whenever a job requests it, until cancelled."""
        while True:
            await self._probe_requested.wait()
            self._probe_requested.clear()
            ended_before = self.ended_outages
            worked = await self.wait_until_up(self._probe_all)
            for probe in worked:
                self._worked_at[probe] = self._clock.monotonic()
                self._results.pop(probe).set_result(self.ended_outages == ended_before)
            if self._results:
                # Requested while the others ran.
                self._probe_requested.set()

    async def _result(self, probe: Probe) -> bool:
        if probe not in self._results:
            self._results[probe] = asyncio.get_running_loop().create_future()
            self._probe_requested.set()
        # Shielded: the cancellation of one job must not cancel the future that the others wait for.
        return await asyncio.shield(self._results[probe])

    async def _probe_all(self) -> tuple[Probe, ...]:
        """Runs every probe that a job waits for by now, and returns them."""
        wanted = tuple(self._results)
        for probe in wanted:
            await probe()
        return wanted

    def _worked_since(self, probe: Probe, failed_since: float | None) -> bool:
        worked_at = self._worked_at.get(probe)
        if worked_at is None:
            return False
        now = self._clock.monotonic()
        return now - worked_at <= _FRESH_S and (failed_since is None or worked_at >= failed_since)
