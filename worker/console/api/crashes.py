"""Answers requests that fail for a reason that nobody foresaw."""

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from worker.console.api.problems import problem_of, problem_response

_log = structlog.get_logger(__name__)


class AnswerCrashes:
    """ASGI middleware around the whole API: logs the error, and answers with a problem document without details."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on."""
        has_begun = False

        async def note_begin(message: Message) -> None:
            nonlocal has_begun
            has_begun = True
            await send(message)

        try:
            await self._app(scope, receive, note_begin)
        except Exception as error:
            _log.exception("request_crashed", path=scope["path"], method=scope["method"])
            if has_begun:
                raise
            await problem_response(problem_of(error))(scope, receive, send)
