"""Turns errors into exit codes and one-line messages; the only place that does.

The family of an error of ours decides (`schemas/errors.py`). Errors of libraries that reach the command line are listed
here. Their modules are imported once an error is there, so that `--help` doesn't load them.
"""

import errno
from collections.abc import Iterator
from enum import IntEnum
from pathlib import Path
from typing import Final, NamedTuple

from schemas.errors import ChirpWorkerError, RefusedError, UnavailableError, UsageError
from worker.batch.atomic_file import DISK_FULL


class ExitCode(IntEnum):
    """How a command ends."""

    DONE = 0
    FAILED = 1
    MISUSED = 2
    """Also what typer ends with for an unknown option."""
    INTERRUPTED = 130
    """Ctrl-C: 128 + SIGINT."""
    TERMINATED = 143
    """128 + SIGTERM: the worker was stopped before it took jobs, or stopped twice."""


class Failure(NamedTuple):
    """An error as the command line reports it; the message is one line."""

    message: str
    exit_code: ExitCode


FAMILIES: Final[dict[type[ChirpWorkerError], ExitCode]] = {
    UsageError: ExitCode.MISUSED,
    RefusedError: ExitCode.MISUSED,
    UnavailableError: ExitCode.FAILED,
}


def describe(error: Exception) -> Failure | None:
    """What the command line reports for an error; None for one that nobody expects, which deserves its traceback."""
    message = _message(error)
    if message is None:
        return None
    code = next((code for family, code in FAMILIES.items() if isinstance(error, family)), ExitCode.FAILED)
    return Failure(" ".join(message.split()), code)


def _message(error: Exception) -> str | None:
    from aiokafka.errors import KafkaError
    from google.auth.exceptions import GoogleAuthError

    from worker.kafka.client.denial import describe_denial
    from worker.speech.failures import CallFailedError

    if isinstance(error, CallFailedError):
        return f"Google: {error.failure.code}: {error.failure.message}"
    if isinstance(error, KafkaError) and not isinstance(error, UnavailableError):
        return f"Kafka: {describe_denial(error) or error}; `chirp-worker doctor` says more"
    if isinstance(error, GoogleAuthError):
        return f"Google: {error}"
    if isinstance(error, ExceptionGroup):
        causes = "; ".join(f"{type(cause).__name__}: {cause}" for cause in _causes(error))
        return f"stopped, nothing unacknowledged is committed: {causes}"
    if isinstance(error, (*FAMILIES, OSError)):
        return _with_way_on(error)
    return None


def _with_way_on(error: Exception) -> str:
    if not isinstance(error, OSError) or (way_on := _way_on(error)) is None:
        return str(error)
    return f"{error.filename or 'the disk'}: {error.strerror}; {way_on} and run the same command again: it goes on"


def _way_on(error: OSError) -> str | None:
    """What helps against an error of writing a file; None for another one."""
    if error.errno in DISK_FULL:
        return "free some space there"
    if error.errno == errno.EROFS:
        return "make it writable"
    if error.errno == errno.ENOENT and isinstance(error.filename, str) and not Path(error.filename).parent.is_dir():
        return "its folder isn't there: make it, or bring it back,"
    return None


def _causes(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _causes(inner)
    else:
        yield error
