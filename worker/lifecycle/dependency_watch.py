"""Settles, for a job that a dependency failed, whether the dependency is down or the failure is the job's own."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from worker.lifecycle.clock import Clock
from worker.lifecycle.dependency import Backoff, Dependency, Sleep
from worker.observability.metrics import Metrics

Probe = Callable[[], Awaitable[None]]
"""Asks a dependency for what it should always be able to do; raises `Down` when it can't."""

# While some calls fail and probes work, one probe answers for all jobs that fail within this time.
_FRESH_S: Final = 1.0


class DependencyWatch(Dependency):
    """A dependency that can be probed.

    One task owns `run`; jobs await `settle`; intake looks at the gate.
    """

    def __init__(
        self,
        name: str,
        probe: Probe,
        pauses: Backoff,
        metrics: Metrics,
        clock: Clock,
        *,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        super().__init__(name, pauses, metrics, clock, sleep=sleep)
        self._probe = probe
        self._asked = asyncio.Event()
        self._verdict: asyncio.Future[bool] | None = None
        self._worked_at: float | None = None

    async def settle(self, ended_before: int) -> bool:
        """Asks the dependency by a probe and waits, if need be for long.

        Args:
            ended_before: `ended_outages` as it was when the job began what failed.

        Returns:
            True when the probe works at once: the failure is the job's own. False when the dependency was
            down, now or since the job began, and is up again: the job may try again.
        """
        if self._verdict is None:
            # A call that began in the outage may fail, or time out, after its end.
            if self.ended_outages != ended_before:
                return False
            if self._worked_lately():
                return True
            self._verdict = asyncio.get_running_loop().create_future()
            self._asked.set()
        # One job's cancellation is no other's.
        return await asyncio.shield(self._verdict)

    async def run(self) -> None:
        """Probes whenever a job asks, until it is cancelled."""
        while True:
            await self._asked.wait()
            self._asked.clear()
            ended_before = self.ended_outages
            await self.wait_until_up(self._probe)
            self._worked_at = self._clock.monotonic()
            verdict, self._verdict = self._verdict, None
            if verdict is not None:
                verdict.set_result(self.ended_outages == ended_before)

    def _worked_lately(self) -> bool:
        return self._worked_at is not None and self._clock.monotonic() - self._worked_at <= _FRESH_S
