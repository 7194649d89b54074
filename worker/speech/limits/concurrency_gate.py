"""Concurrency gate of a voice model: requests to Google wait here while as many are under way as it answers in time.

Each voice model has its own: they are different services at Google, and a slow Chirp must not hold up WaveNet, which
answers in its place.
"""

import asyncio
from collections import deque
from contextlib import nullcontext
from typing import Final

import structlog

from schemas.enums import Lane, VoiceModel
from worker.lifecycle.clock import Clock
from worker.lifecycle.interruptible_wait import InterruptibleWait
from worker.observability.metrics import Metrics
from worker.speech.limits.concurrency_limit import ConcurrencyLimit

_PATIENCE_S: Final = 1.0
"""The longest wait of a dialogue job that has a fallback, in seconds."""
_log = structlog.get_logger(__name__)


class ConcurrencyGate:
    """Lets requests through, dialogue before batch, in each lane the longest waiting first.

    Args:
        metrics: show the limit.
    """

    def __init__(self, voice_model: VoiceModel, limit: ConcurrencyLimit, metrics: Metrics, clock: Clock) -> None:
        self._voice_model = voice_model
        self._limit = limit
        self._metrics = metrics
        self._clock = clock
        self._in_flight = 0
        self._waiting: dict[Lane, deque[asyncio.Future[None]]] = {Lane.DIALOGUE: deque(), Lane.BATCH: deque()}
        metrics.set_concurrency_limit(voice_model, limit.limit)

    async def enter(self, lane: Lane, waiting: InterruptibleWait, *, may_skip: bool) -> bool:
        """Waits until a request may be made, and counts it.

        Args:
            lane: the job's.
            waiting: entered while a batch job waits.
            may_skip: whether the job has a fallback: then it waits a second at most in the dialogue lane.

        Returns:
            Whether the request may be made; `leave` must follow then.
        """
        if self._in_flight < self._limit.limit and not any(self._waiting.values()):
            self._in_flight += 1
            return True
        turn = asyncio.get_running_loop().create_future()
        self._waiting[lane].append(turn)
        is_patient = lane is Lane.BATCH or not may_skip
        try:
            with waiting() if lane is Lane.BATCH else nullcontext():
                async with asyncio.timeout(None if is_patient else _PATIENCE_S):
                    await turn
        except TimeoutError:
            return self._give_up(lane, turn)
        except BaseException:
            if self._give_up(lane, turn):
                self._end()
            raise
        return True

    def leave(self, began: float, *, slow: bool | None) -> None:
        """Counts the end of a request.

        Args:
            began: when it was made, by the monotonic clock.
            slow: whether it took most of its timeout; None if it says nothing about Google.
        """
        now = self._clock.monotonic()
        if slow is not None:
            before = self._limit.limit
            decreased = self._limit.record(began, now, self._in_flight, slow=slow)
            if self._limit.limit != before:
                self._metrics.set_concurrency_limit(self._voice_model, self._limit.limit)
            if decreased:
                _log.warning(
                    "google_slow",
                    voice_model=self._voice_model.value,
                    requests_at_once=self._limit.limit,
                    detail="requests take more than half of their timeouts: fewer are made at once",
                )
        self._end()

    def _give_up(self, lane: Lane, turn: "asyncio.Future[None]") -> bool:
        """Leaves the line; whether the turn had come already."""
        if turn.done() and not turn.cancelled():
            return True
        if turn in self._waiting[lane]:
            self._waiting[lane].remove(turn)
        return False

    def _end(self) -> None:
        self._in_flight -= 1
        for line in self._waiting.values():
            while line and self._in_flight < self._limit.limit:
                turn = line.popleft()
                if not turn.done():
                    self._in_flight += 1
                    turn.set_result(None)
