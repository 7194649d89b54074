"""Structured logs, JSON, one line an event, to standard error."""

import logging
import sys
from typing import Final

import structlog

_AGAIN_S: Final = 60.0
_LEVELS: Final = {"debug": 10, "info": 20, "warning": 30, "error": 40}


def configure_logs(level: str) -> None:
    """Sets up structlog, and the libraries' own logging through the same JSON.

    Args:
        level: debug, info, warning or error.
    """
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[
            *shared,
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                structlog.processors.JSONRenderer(ensure_ascii=False),
            ],
        )
    )
    handler.addFilter(_Seldom())
    logging.getLogger("aiokafka").setLevel(logging.NOTSET)
    root = logging.getLogger()
    root.handlers = [handler]
    # The libraries tell at info what only their own developers ask for.
    root.setLevel(max(_LEVELS[level], logging.WARNING) if level != "debug" else logging.INFO)


class _Seldom(logging.Filter):
    """Lets the same line of a library pass once a minute: while a broker is gone they tell it ten times a second."""

    def __init__(self) -> None:
        super().__init__()
        self._last: dict[tuple[str, int], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether to write the line; told by the place in the library's code, for it may name another broker."""
        line = (record.pathname, record.lineno)
        if record.created - self._last.get(line, 0.0) < _AGAIN_S:
            return False
        self._last[line] = record.created
        return True
