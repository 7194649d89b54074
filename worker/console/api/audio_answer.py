"""The answer that is a line's audio while it is made: chunk by chunk, and without its end if the stream breaks off."""

import asyncio
from contextlib import aclosing
from typing import Final

import structlog
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from worker.console.lines.line_streams import LineStream, StreamBrokenError

_STUCK_S: Final = 30.0
"""How long a client may read nothing while there is more for it, and how long nothing may come for it."""
_log = structlog.get_logger(__name__)


class AudioAnswer(StreamingResponse):
    """Sends a stream's chunks as they come.

    HTTP has no status after the beginning: of a broken stream the server closes the connection before the last, empty
    chunk, and the client has an incomplete answer (RFC 9112, section 8).

    Args:
        job_id: the line's, for the log.
    """

    def __init__(self, job_id: str, stream: LineStream, headers: dict[str, str]) -> None:
        super().__init__((), media_type=stream.media_type, headers={**headers, "Cache-Control": "no-store"})
        self._job_id = job_id
        self._stream = stream

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers the request; ends without the answer's end when the client has gone, too."""
        del scope
        gone = asyncio.create_task(disconnected(receive), name="client's disconnection")
        sending = asyncio.create_task(self._send(send), name=f"audio of {self._job_id}")
        try:
            await asyncio.wait((gone, sending), return_when=asyncio.FIRST_COMPLETED)
            if sending.done():
                await sending
        except (StreamBrokenError, TimeoutError) as error:
            detail = str(error) or f"nothing came, or was read, for {_STUCK_S:g} s"
            _log.warning("audio_broken_off", job_id=self._job_id, detail=detail)
        finally:
            for task in (gone, sending):
                task.cancel()
            await asyncio.gather(gone, sending, return_exceptions=True)

    async def _send(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        async with aclosing(self._stream.chunks()) as chunks:
            while True:
                async with asyncio.timeout(_STUCK_S):
                    if (chunk := await anext(chunks, None)) is None:
                        break
                    await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def disconnected(receive: Receive) -> None:
    """Returns when the client has gone; its request's body must have been read."""
    while (await receive())["type"] != "http.disconnect":
        pass
