"""Stops a client library's client within a time limit, and survives a client that cancels its own stop."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import structlog

_STOP_S: Final = 3.0
_log = structlog.get_logger(__name__)


async def stop_client(name: str, stop: Callable[[], Awaitable[object]]) -> None:
    """Stops a client for at most 3 s; without the limit it may wait for ever for a broker that is gone.

    Args:
        name: the client's name in the log.
        stop: the client's own coroutine function.

    Raises:
        CancelledError: the calling task was cancelled; a cancellation that comes from the client alone is logged.
    """
    try:
        async with asyncio.timeout(_STOP_S):
            await stop()
    except asyncio.CancelledError:
        # aiokafka's consumer raises the cancellation of its own fetch task out of `stop` when its broker is gone.
        # Passed on, it would end the calling task silently, as if somebody had cancelled it.
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        _log.warning("stop_cancelled_itself", client=name)
    except TimeoutError:
        _log.warning("stop_timed_out", client=name, seconds=_STOP_S)
