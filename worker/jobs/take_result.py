"""The result of making a take: the take, a failed attempt, or the store's error. Pure."""

from dataclasses import dataclass
from typing import Final

from schemas.completion import Attempt
from schemas.enums import FailureClass
from worker.speech.failures import Failure
from worker.storage.errors import StorageError
from worker.storage.takes import StoredTake

_BAD_LUCK: Final = frozenset({FailureClass.TRANSIENT, FailureClass.BAD_AUDIO})
"""Failures that the next call for the same take may well not meet."""


@dataclass(frozen=True)
class Taken:
    """A stored take; `cached` when this job paid nothing for it."""

    take: StoredTake
    cached: bool


@dataclass(frozen=True)
class FailedAttempt:
    """An attempt that gave no take; `attempt` as it is counted."""

    failure: Failure
    attempt: Attempt


TakeResult = Taken | FailedAttempt | StorageError
"""What jobs share that request the same take at once.

The store's error is shared too: it has been tried three times, and another try for each waiting job would help nobody.
"""


def is_transient(result: TakeResult) -> bool:
    """Whether the failure is one call's bad luck: worth one more attempt for all jobs that wait."""
    return isinstance(result, FailedAttempt) and result.failure.failure_class in _BAD_LUCK
