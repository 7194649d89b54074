"""Renewable producer: replaces a producer that has failed."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from types import TracebackType
from typing import Final, Self

import structlog
from aiokafka.errors import KafkaError
from tenacity import AsyncRetrying, retry_if_exception_type, wait_random_exponential

from worker.kafka.client.denial import describe_denial
from worker.kafka.client.producer import Producer

_FIRST_WAIT_S: Final = 0.05
_LONGEST_WAIT_S: Final = 5.0
_DOUBLINGS: Final = 10
_log = structlog.get_logger(__name__)


class RenewableProducer:
    """Owns the worker's producer.

    aiokafka numbers an idempotent producer's batches and never restarts the sequence: after one was refused or timed
    out, the partition's later ones can be refused as out of order for ever. So a failed producer is replaced.

    Args:
        connect: opens a started producer.
    """

    def __init__(self, connect: Callable[[], AbstractAsyncContextManager[Producer]]) -> None:
        self._connect = connect
        self._open = AsyncExitStack()
        self._renewing = asyncio.Lock()
        self._failures_in_a_row = 0
        self._producer: Producer | None = None

    @property
    def producer(self) -> Producer:
        """The current producer."""
        if self._producer is None:
            raise RuntimeError("enter the context first")
        return self._producer

    async def __aenter__(self) -> Self:
        self._producer = await self._open.enter_async_context(self._connect())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._open.aclose()

    def worked(self) -> None:
        """Records a success: the next failure waits briefly again."""
        self._failures_in_a_row = 0

    async def renew(self, failed: Producer, error: Exception) -> None:
        """Replaces a producer after an exponential back-off of up to 5 s.

        Args:
            failed: the producer that failed. If it isn't the current one, it was replaced already.
        """
        async with self._renewing:
            if self._producer is not failed:
                return
            self._failures_in_a_row += 1
            reason = describe_denial(error) or f"{type(error).__name__}: {error}"
            _log.warning("producer_failed", error=reason, detail="going on with a new one")
            wait_s = _FIRST_WAIT_S * 2 ** min(self._failures_in_a_row, _DOUBLINGS)
            await asyncio.sleep(min(_LONGEST_WAIT_S, wait_s))
            await self._open.aclose()
            self._open = AsyncExitStack()
            retrying = AsyncRetrying(
                retry=retry_if_exception_type((KafkaError, OSError)),
                wait=wait_random_exponential(multiplier=2 * _FIRST_WAIT_S, max=_LONGEST_WAIT_S),
            )
            self._producer = await retrying(self._connected)

    async def _connected(self) -> Producer:
        return await self._open.enter_async_context(self._connect())
