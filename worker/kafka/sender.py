"""Sends records until Kafka has acknowledged them, by a new producer where the old one is beyond help."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Self

import structlog
from aiokafka.errors import KafkaError, MessageSizeTooLargeError, RecordListTooLargeError
from tenacity import AsyncRetrying, retry_if_exception_type, wait_random_exponential

from schemas.headers import Headers

_LONGEST_WAIT_S: Final = 5.0
_log = structlog.get_logger(__name__)


class TooLarge(Exception):
    """The topic takes no record of this size; the message names topic and size."""


@dataclass(frozen=True)
class Message:
    """A record to be written."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Headers


class Sender:
    """Owns the worker's producer.

    aiokafka numbers an idempotent producer's batches and never starts anew: once one was refused or ran out of time,
    the partition's later ones can be refused as out of order for ever. So a failed producer is replaced.

    Args:
        connect: opens a started producer.
    """

    def __init__(self, connect: Callable[[], AbstractAsyncContextManager[Any]]) -> None:
        self._connect = connect
        self._open = AsyncExitStack()
        self._producer: Any = None
        self._renewing = asyncio.Lock()
        self._failures_in_a_row = 0

    async def __aenter__(self) -> Self:
        self._producer = await self._open.enter_async_context(self._connect())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._open.aclose()

    async def send(self, messages: Sequence[Message]) -> None:
        """Returns once Kafka has all of them; while it doesn't answer, waits.

        What was acknowledged before another one failed is sent again with it.

        Raises:
            TooLarge: a topic doesn't take so large a record.
        """
        while True:
            producer = self._producer
            try:
                if len(messages) == 1:
                    await self._send_one(producer, messages[0])
                else:
                    await asyncio.gather(*(self._send_one(producer, message) for message in messages))
            except KafkaError as error:
                await self._renew(producer, error)
            else:
                self._failures_in_a_row = 0
                return

    async def _send_one(self, producer: Any, message: Message) -> None:
        try:
            acknowledged = await producer.send(
                message.topic, value=message.value, key=message.key, headers=message.headers
            )
            await acknowledged
        except (MessageSizeTooLargeError, RecordListTooLargeError):
            size = len(message.value or b"")
            raise TooLarge(f"{message.topic} takes no record with a value of {size:,} bytes") from None

    async def _renew(self, failed: Any, error: KafkaError) -> None:
        async with self._renewing:
            # All that waited for it saw it fail; the first of them has replaced it.
            if self._producer is not failed:
                return
            self._failures_in_a_row += 1
            _log.warning("producer_failed", error=f"{type(error).__name__}: {error}", detail="sending by a new one")
            await asyncio.sleep(min(_LONGEST_WAIT_S, 0.05 * 2 ** min(self._failures_in_a_row, 10)))
            await self._open.aclose()
            self._open = AsyncExitStack()
            retrying = AsyncRetrying(
                retry=retry_if_exception_type((KafkaError, OSError)),
                wait=wait_random_exponential(multiplier=0.1, max=_LONGEST_WAIT_S),
            )
            self._producer = await retrying(self._connected)

    async def _connected(self) -> Any:
        return await self._open.enter_async_context(self._connect())
