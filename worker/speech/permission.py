"""Whether Google allows WaveNet at all; while it doesn't, the worker takes no jobs and probes."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import structlog
from tenacity import AsyncRetrying, retry_if_result, wait_exponential_jitter

from schemas.words import FailureClass
from worker.observability.metrics import Metrics
from worker.speech.failures import Failure

Probe = Callable[[], Awaitable[Failure | None]]
"""Speaks two letters with WaveNet: None when it worked."""

_LONGEST_PAUSE_S: Final = 30.0
# Who is told that the quota is used up, or what is wrong with the text, may speak.
_PERMITTED: Final = frozenset({FailureClass.QUOTA, FailureClass.INVALID})
_log = structlog.get_logger(__name__)


class Permission:
    """Settles, for a job that WaveNet was denied, whether all jobs are.

    One task owns `run`; jobs await `settle`; intake looks at `is_allowed`.
    """

    def __init__(self, probe: Probe, metrics: Metrics, interval_s: float) -> None:
        self._probe = probe
        self._metrics = metrics
        self._interval_s = interval_s
        self._asked = asyncio.Event()
        self._allowed = True
        self._verdict: asyncio.Future[bool] | None = None

    @property
    def is_allowed(self) -> bool:
        """False while Google denies WaveNet."""
        return self._allowed

    async def settle(self) -> bool:
        """Asks Google by a probe and waits, if need be for long.

        Returns:
            True when the probe worked at once: what was denied is the job's voice alone. False when all
            was denied, and is allowed again now: the job may be tried anew.
        """
        if self._verdict is None:
            self._verdict = asyncio.get_running_loop().create_future()
            self._asked.set()
        return await asyncio.shield(self._verdict)

    async def run(self) -> None:
        """Probes whenever a job asks, until it is cancelled."""
        while True:
            await self._asked.wait()
            self._asked.clear()
            at_once = await self._probe_until_allowed()
            verdict, self._verdict = self._verdict, None
            if verdict is not None:
                verdict.set_result(at_once)

    async def _probe_until_allowed(self) -> bool:
        if await self._works():
            return True
        retrying = AsyncRetrying(
            retry=retry_if_result(lambda worked: not worked),
            wait=wait_exponential_jitter(initial=self._interval_s, max=_LONGEST_PAUSE_S, jitter=self._interval_s / 4),
        )
        await asyncio.sleep(self._interval_s)
        await retrying(self._works)
        if not self.is_allowed:
            self._allowed = True
            self._metrics.denied.set(0)
            _log.info("google_allowed", detail="WaveNet is allowed again; taking jobs")
        return False

    async def _works(self) -> bool:
        failure = await self._probe()
        if failure is None or failure.failure_class in _PERMITTED:
            return True
        if failure.failure_class is FailureClass.DENIED and self.is_allowed:
            self._allowed = False
            self._metrics.denied.set(1)
            _log.error(
                "google_denied",
                code=failure.code,
                message=failure.message,
                detail="WaveNet is denied: check credentials, billing, API and IAM. Taking no jobs until a probe works",
            )
        return False
