"""Follows the rollout for the console: its revisions, and the rounds of its controller."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, aclosing
from typing import Final

import structlog
from aiokafka.errors import KafkaError
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, wait_random_exponential

from schemas.rollout_status import RolloutStatus
from worker.kafka.client.topics import TopicError
from worker.lifecycle.dependency import Sleep
from worker.rollout.log.reader import RolloutLog
from worker.rollout.log.revisions import RevisionLog

_LONGEST_S: Final = 2.0
_MOST_ROUNDS: Final = 720
_log = structlog.get_logger(__name__)

OpenLog = Callable[[], AbstractAsyncContextManager[RolloutLog]]
FollowStatuses = Callable[[], AsyncGenerator[list[RolloutStatus], None]]


class RolloutFeed:
    """What is known of the rollout now.

    Args:
        open_log: opens the log at its beginning.
        follow_statuses: the controller's rounds, without end.

    Attributes:
        revisions: None until the log is read to its end for the first time.
        rounds: of the controller, the last ones, oldest first.
        problem: why what is shown may be old; None while Kafka answers.
    """

    def __init__(self, open_log: OpenLog, follow_statuses: FollowStatuses, sleep: Sleep = asyncio.sleep) -> None:
        self.revisions: RevisionLog | None = None
        self.rounds: deque[RolloutStatus] = deque(maxlen=_MOST_ROUNDS)
        self.problem: str | None = None
        self._open_log = open_log
        self._follow_statuses = follow_statuses
        self._sleep = sleep
        self._version = 0
        self._closed = False
        self._changed = asyncio.Event()

    @property
    def version(self) -> int:
        """Differs after each change of what is known."""
        return self._version

    @property
    def last_round(self) -> RolloutStatus | None:
        """The controller's last round; None if it has reported none."""
        return self.rounds[-1] if self.rounds else None

    async def run(self) -> None:
        """Follows both topics until it is cancelled; retries all errors of Kafka."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._retried(self._follow_log), name="console: rollout")
            group.create_task(self._retried(self._follow_rounds), name="console: controller")

    def close(self) -> None:
        """Ends all waits: this process stops."""
        self._closed = True
        self._note_change()

    async def wait_for_change(self, version: int, longest_s: float) -> bool:
        """Waits until the version is another one, at most so long; False once the feed is closed."""
        await self._wait(lambda: self._version != version, longest_s)
        return not self._closed

    async def wait_for_revision(self, number: int, longest_s: float) -> None:
        """Waits until a revision is known that was just made, at most so long."""
        await self._wait(lambda: self.revisions is not None and self.revisions.revision >= number, longest_s)

    async def _wait(self, happened: Callable[[], bool], longest_s: float) -> None:
        try:
            async with asyncio.timeout(longest_s):
                while not (self._closed or happened()):
                    await self._changed.wait()
        except TimeoutError:
            pass

    async def _retried(self, follow: Callable[[], Awaitable[None]]) -> None:
        retrying = AsyncRetrying(
            retry=retry_if_exception_type((KafkaError, OSError, TopicError)),
            wait=wait_random_exponential(multiplier=0.25, max=_LONGEST_S),
            sleep=self._sleep,
            before_sleep=self._note_outage,
        )
        await retrying(follow)

    async def _follow_log(self) -> None:
        async with self._open_log() as log:
            await log.read_to_end()
            self.revisions = log.revisions
            self.problem = None
            self._note_change()
            while True:
                if await log.poll():
                    self._note_change()

    async def _follow_rounds(self) -> None:
        known = self.last_round
        async with aclosing(self._follow_statuses()) as followed:
            async for rounds in followed:
                # After an outage the topic is read from its beginning again.
                if fresh := [each for each in rounds if known is None or each.time > known.time]:
                    self.rounds.extend(fresh)
                    self._note_change()

    def _note_outage(self, state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        if self.problem is None:
            _log.warning("console_rollout_unreachable", error=f"{type(error).__name__}: {error}")
            self.problem = str(error) or type(error).__name__
            self._note_change()

    def _note_change(self) -> None:
        self._version += 1
        self._changed.set()
        # Whoever waits wakes by the event that it waits for; who comes later waits for the next.
        self._changed = asyncio.Event()
