"""Keeps processes running: starts again what ends, passes signals on, and gives up on what can't start."""

import asyncio
import signal
from collections.abc import Callable, Sequence
from typing import Final, Protocol

import structlog

from schemas.errors import RefusedError, UnavailableError
from worker.lifecycle.clock import Clock
from worker.processes.restarts import GiveUp, RestartPolicy

_STOPPED_TWICE: Final = 143
_KILL_AFTER_S: Final = 10.0
_log = structlog.get_logger(__name__)


class SupervisedProcess(Protocol):
    """What is kept running."""

    number: int

    async def run(self) -> int:
        """Starts it, waits for its end, and returns its exit code."""

    def signal(self, number: signal.Signals, /) -> None:
        """Sends it a signal, if it runs."""


class Supervisor:
    """Keeps processes running until `stop`.

    Args:
        restarted: called with the number of a process that ended and is started again.
        drain_s: what still runs so many seconds after `stop`, and ten more, is killed.
    """

    def __init__(
        self,
        processes: Sequence[SupervisedProcess],
        *,
        restarted: Callable[[int], object],
        drain_s: float,
        clock: Clock,
    ) -> None:
        self._processes = processes
        self._restarted = restarted
        self._drain_s = drain_s
        self._clock = clock
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Has all processes drain, once; none is started any more."""
        if not self._stopping.is_set():
            self._stopping.set()
            self._signal(signal.SIGTERM)

    async def run(self) -> int:
        """Runs them until they have drained.

        Returns:
            0 if all of them drained; 143 if some were stopped before they took jobs; else 1.

        Raises:
            RefusedError, UnavailableError: one can't start. The others have drained.
            CancelledError: after a second signal. All have ended at once.
        """
        keeping = [asyncio.create_task(self._keep(each), name=f"process {each.number}") for each in self._processes]
        stopping = asyncio.create_task(self._stopping.wait())
        try:
            # Until somebody stops it, or one gives up.
            await asyncio.wait([*keeping, stopping], return_when=asyncio.FIRST_COMPLETED)
            self.stop()
            await asyncio.wait(keeping, timeout=self._drain_s + _KILL_AFTER_S)
        except asyncio.CancelledError:
            # The second signal, which each passes on as its own second one.
            self.stop()
            self._signal(signal.SIGTERM)
            await asyncio.wait(keeping, timeout=_KILL_AFTER_S)
            raise
        finally:
            stopping.cancel()
            self._signal(signal.SIGKILL)
            ended = await asyncio.gather(*keeping, return_exceptions=True)
        return self._exit_code(ended)

    async def _keep(self, process: SupervisedProcess) -> int:
        policy = RestartPolicy()
        while True:
            began = self._clock.monotonic()
            code = await process.run()
            if self._stopping.is_set():
                return code
            decision = policy.after_end(code, self._clock.monotonic() - began)
            if isinstance(decision, GiveUp):
                family = RefusedError if decision.lasting else UnavailableError
                raise family(f"process {process.number} can't start: {decision.reason}; its own last line says why")
            self._restarted(process.number)
            _log.warning("process_restarts", process=process.number, exit_code=code, in_s=decision)
            try:
                async with asyncio.timeout(decision):
                    await self._stopping.wait()
                    return 0
            except TimeoutError:
                pass

    def _signal(self, number: signal.Signals) -> None:
        for process in self._processes:
            process.signal(number)

    def _exit_code(self, ended: Sequence[int | BaseException]) -> int:
        for each in ended:
            if isinstance(each, BaseException):
                raise each
        # Python itself ends a process by the signal as long as it loads.
        codes = {_STOPPED_TWICE if each == -signal.SIGTERM else each for each in ended} - {0}
        return 0 if not codes else _STOPPED_TWICE if codes == {_STOPPED_TWICE} else 1
