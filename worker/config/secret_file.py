"""Secrets in files, as Kubernetes, Docker and Vault provide them: read again when the file changes."""

from collections.abc import Callable
from pathlib import Path

import structlog
from pydantic import SecretStr

_log = structlog.get_logger(__name__)


class SecretFile(SecretStr):
    """A secret whose value is what its file holds at the time of use.

    A file that can't be read any more, or holds what isn't allowed, leaves the last good value.

    Args:
        path: the file.
        parse: the secret in the file's text, without the line break at its end; raises ValueError if there is none.

    Raises:
        OSError: the file can't be read.
        ValueError: its content isn't UTF-8, or isn't allowed.
    """

    def __init__(self, path: Path, parse: Callable[[str], str]) -> None:
        self.path = path
        self._parse = parse
        self._stamp: tuple[int, ...] | None = file_stamp(path)
        super().__init__(parse(read_secret(path)))

    def get_secret_value(self) -> str:
        """The present value."""
        try:
            stamp = file_stamp(self.path)
        except OSError:
            stamp = None
        if stamp != self._stamp:
            self._stamp = stamp
            try:
                self._secret_value = self._parse(read_secret(self.path))
            except (OSError, ValueError) as error:
                # The error of a wrong value repeats the value.
                reason = error.strerror if isinstance(error, OSError) else "its content isn't allowed"
                _log.warning("secret_file_unusable", file=str(self.path), detail=f"{reason}; the last value is kept")
        return self._secret_value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SecretFile) and other.path == self.path

    def __hash__(self) -> int:
        return hash(self.path)


def read_secret(path: Path) -> str:
    """The text of a file without the line break at its end, and without the mark by which Windows' editors begin UTF-8.

    Raises:
        OSError: it can't be read.
        ValueError: it isn't UTF-8.
    """
    return path.read_text(encoding="utf-8-sig").rstrip("\r\n")


def file_stamp(path: Path) -> tuple[int, ...]:
    """What differs once a file has changed, or another has taken its place (as Kubernetes does it, by a link).

    Also once somebody else may read it: a file that could not be read is tried again.

    Raises:
        OSError: there is no such file.
    """
    found = path.stat()
    return found.st_mtime_ns, found.st_ctime_ns, found.st_ino, found.st_size
