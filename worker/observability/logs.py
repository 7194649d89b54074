"""Structured logs: JSON on standard error, one line per event."""

import logging
import sys
from typing import Final

import structlog

_REPEAT_S: Final = 60.0
_LEVELS: Final = {"debug": 10, "info": 20, "warning": 30, "error": 40}
_SHARED: Final[list[structlog.typing.Processor]] = [
    structlog.contextvars.merge_contextvars,
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]


def configure_logs(level: str, *added: structlog.typing.Processor) -> None:
    """Sets up structlog for our own events, and routes the libraries' logging through the same JSON.

    Args:
        level: debug, info, warning or error.
        added: processors that add fields to each line.
    """
    shared = [*_SHARED, *added]
    structlog.configure(
        processors=[*shared, *_render()],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
    logging.getLogger("aiokafka").setLevel(logging.NOTSET)
    root = logging.getLogger()
    root.handlers = [_library_handler(shared)]
    # What libraries log at info is for their own developers.
    root.setLevel(max(_LEVELS[level], logging.WARNING) if level != "debug" else logging.INFO)


def _library_handler(shared: list[structlog.typing.Processor]) -> logging.Handler:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_render()],
        )
    )
    handler.addFilter(_RepeatFilter())
    return handler


def _render() -> list[structlog.typing.Processor]:
    return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(ensure_ascii=False)]


class _RepeatFilter(logging.Filter):
    """Passes each log statement of a library once a minute: while a broker is down they log ten lines a second."""

    def __init__(self) -> None:
        super().__init__()
        self._last: dict[tuple[str, int], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether to pass the record; identified by its place in the source, since its text may name another broker."""
        statement = (record.pathname, record.lineno)
        if record.created - self._last.get(statement, 0.0) < _REPEAT_S:
            return False
        self._last[statement] = record.created
        return True
