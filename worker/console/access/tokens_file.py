"""The file of tokens, read again when it changes."""

from pathlib import Path

import structlog

from schemas.errors import UsageError
from worker.config.secret_file import file_stamp, read_secret
from worker.console.access.tokens import TokenEntry, parse_tokens

_log = structlog.get_logger(__name__)


class TokensFile:
    """The entries that the file holds now. A file that can't be used any more leaves the last good entries.

    Raises:
        UsageError: the file can't be read, has a wrong line, or holds no token.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._stamp: tuple[int, ...] | None = file_stamp(path)
            self._entries = _parsed(path)
        except (OSError, ValueError) as error:
            raise UsageError(f"HTTP_API_TOKENS_FILE={str(path)!r}: {_reason(error)}") from None

    def entries(self) -> tuple[TokenEntry, ...]:
        """The present entries."""
        try:
            stamp = file_stamp(self._path)
        except OSError:
            stamp = None
        if stamp != self._stamp:
            self._stamp = stamp
            try:
                self._entries = _parsed(self._path)
            except (OSError, ValueError) as error:
                detail = f"{_reason(error)}; the last tokens are kept"
                _log.warning("tokens_file_unusable", file=str(self._path), detail=detail)
            else:
                clients = sorted({each.client.name for each in self._entries})
                _log.info("tokens_file_read", file=str(self._path), clients=clients)
        return self._entries


def _parsed(path: Path) -> tuple[TokenEntry, ...]:
    entries = parse_tokens(read_secret(path))
    if not entries:
        raise ValueError("it holds no token; `chirp-worker token new` makes one")
    return entries


def _reason(error: OSError | ValueError) -> str:
    if isinstance(error, OSError):
        return f"can't be read: {error.strerror}"
    return "isn't UTF-8" if isinstance(error, UnicodeDecodeError) else str(error)
