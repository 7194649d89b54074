"""A mailbox: the messages for one webhook, sent one by one; while it fails, the newest replaces the others."""

import asyncio
import random
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from schemas.announcement import RolloutAnnouncement
from worker.rollout.controller.announcements import instead_of

_LONGEST_BACKOFF_S: Final = 60.0
_LAST_SEND_S: Final = 3.0


@dataclass(frozen=True)
class Message:
    """A message for one audience.

    Attributes:
        offset: of its record in the rollout's log.
        identity: unique; a receiver may drop a repeat by it.
        announcement: what has happened.
    """

    offset: int
    identity: str
    announcement: RolloutAnnouncement


class Sent(StrEnum):
    """What became of an attempt to send a message."""

    DELIVERED = "delivered"
    REFUSED = "refused"
    FAILED = "failed"


Send = Callable[[Message], Awaitable[Sent]]
"""Sends a message once. REFUSED: the same message would be refused again. FAILED: it may work later."""


class Mailbox:
    """Sends messages in a task of its own, so that one webhook holds no other back.

    Messages are sent in order. Once one has failed, only the newest is kept, with the number of those that it replaced.

    Args:
        retry_after_s: the back-off after the first failure, doubled up to a minute.
        jitter: of two bounds gives a factor between them.
    """

    def __init__(
        self,
        send: Send,
        retry_after_s: float,
        jitter: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self._send = send
        self._retry_after_s = retry_after_s
        self._jitter = jitter
        self._messages: deque[Message] = deque()
        self._replaced = 0
        self._failures = 0
        self._is_sending = self._is_stopping = False
        self._task: asyncio.Task[None] | None = None

    @property
    def undelivered(self) -> int | None:
        """The offset of the oldest message that is still to be sent; None if there is none."""
        return self._messages[0].offset if self._messages else None

    @property
    def waiting(self) -> int:
        """How many messages wait, those included that a newer one has replaced."""
        return len(self._messages) + self._replaced

    def put(self, message: Message) -> None:
        """Adds a message and sends it in its turn."""
        self._messages.append(message)
        if self._failures:
            self._keep_newest()
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._send_all(), name="mailbox")

    async def drain(self) -> None:
        """Waits until no message is left."""
        if self._task is not None:
            await asyncio.wait([self._task])

    async def stop(self) -> None:
        """Sends nothing more, of later messages neither; what is left stays. A request may end within three seconds."""
        self._is_stopping = True
        if self._task is None:
            return
        if self._is_sending:
            # A request that is cut off may have arrived, and the next leader would send its message again.
            await asyncio.wait([self._task], timeout=_LAST_SEND_S)
        self._task.cancel()
        await asyncio.wait([self._task])

    async def _send_all(self) -> None:
        while self._messages and not self._is_stopping:
            message = self._messages[0]
            self._is_sending = True
            try:
                sent = await self._send(self._with_replaced(message))
            finally:
                self._is_sending = False
            if sent is not Sent.FAILED:
                self._failures = self._replaced = 0
                self._messages.popleft()
                continue
            self._failures += 1
            self._keep_newest()
            if not self._is_stopping:
                await asyncio.sleep(self._backoff_s())

    def _keep_newest(self) -> None:
        if self._is_sending:
            # The message under way may yet arrive.
            return
        while len(self._messages) > 1:
            self._messages.popleft()
            self._replaced += 1

    def _backoff_s(self) -> float:
        backoff_s = min(_LONGEST_BACKOFF_S, self._retry_after_s * 2.0 ** min(self._failures - 1, 16))
        return self._jitter(1.0, 1.25) * backoff_s

    def _with_replaced(self, message: Message) -> Message:
        return replace(message, announcement=instead_of(message.announcement, self._replaced))
