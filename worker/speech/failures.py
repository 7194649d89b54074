"""Failure classes: which class a gRPC status belongs to, and what follows from it. Pure."""

from dataclasses import dataclass
from typing import Final

from schemas.enums import FailureClass
from schemas.errors import UnavailableError

_BY_CODE: Final = {
    "INVALID_ARGUMENT": FailureClass.INVALID,
    "NOT_FOUND": FailureClass.INVALID,
    "FAILED_PRECONDITION": FailureClass.INVALID,
    "OUT_OF_RANGE": FailureClass.INVALID,
    "UNIMPLEMENTED": FailureClass.INVALID,
    "RESOURCE_EXHAUSTED": FailureClass.QUOTA,
    "DEADLINE_EXCEEDED": FailureClass.TIMEOUT,
    "PERMISSION_DENIED": FailureClass.DENIED,
    "UNAUTHENTICATED": FailureClass.DENIED,
}
NOT_CALLED: Final = "NOT_CALLED"
"""Stands in place of a gRPC status where no call was made."""
# UNKNOWN is mostly a connection that the other side dropped ("Stream removed"). CANCELLED is the channel's: a call that
# this worker cancels raises CancelledError.
_RETRIED: Final = frozenset({"UNAVAILABLE", "INTERNAL", "ABORTED", "UNKNOWN", "CANCELLED"})
_AUTH_PLUGIN: Final = "Getting metadata from plugin failed"
_UNREACHED: Final = ("TransportError", "Max retries", "timed out", "Failed to establish", "Connection")
_TOO_LARGE: Final = "message larger than max"
# Parts of Google's refusals of an input that is too long: of one sentence of it, or of the whole.
_SPLIT_ANSWERS: Final = ("sentences that are too long", "longer than the limit of", _TOO_LARGE)
# Voice 'en-US-Wavenet-Z' does not exist. Is it misspelled?
_NO_VOICE: Final = "does not exist"
_SHOWN_CHARACTERS: Final = 300
_NOT_PERMITTED: Final = {
    FailureClass.QUOTA: "this worker's share of the quota is used up",
    FailureClass.CIRCUIT_OPEN: "most of its last attempts failed",
    FailureClass.TIMEOUT: "Google is slow, and as many requests are under way as it answers in time",
}


@dataclass(frozen=True)
class Failure:
    """Why an attempt failed; `code` is the gRPC status of its last call, `OK` for bad audio, or `NOT_CALLED`."""

    failure_class: FailureClass
    code: str
    message: str

    @property
    def quickly_retried(self) -> bool:
        """Whether the same call is tried again a second later; not after a timeout, which has waited long enough."""
        return self.code in _RETRIED

    @property
    def too_long(self) -> bool:
        """Whether Google would speak the same input in smaller parts."""
        return self.failure_class is FailureClass.INVALID and any(part in self.message for part in _SPLIT_ANSWERS)

    @property
    def voice_missing(self) -> bool:
        """Whether Google has no voice of the requested name."""
        return self.code == "NOT_FOUND" or (self.failure_class is FailureClass.INVALID and _NO_VOICE in self.message)

    @property
    def retryable(self) -> bool:
        """Whether the job may work later; otherwise it becomes a dead letter at once."""
        return self.failure_class not in {FailureClass.INVALID, FailureClass.DENIED}


class CallFailedError(UnavailableError):
    """Google didn't answer with OK, or the call was not permitted; `failure` says why."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


def classify_failure(code: str, message: str) -> Failure:
    """Classifies a failed call.

    Args:
        code: the name of its gRPC status.
        message: Google's own.
    """
    if code == "UNAVAILABLE" and _AUTH_PLUGIN in message and not any(word in message for word in _UNREACHED):
        # gRPC reports refused credentials as UNAVAILABLE. A token server that can't be reached is a different failure.
        code = "UNAUTHENTICATED"
    if code == "RESOURCE_EXHAUSTED" and _TOO_LARGE in message:
        # The channel refused a reply of over 4 MiB: the text is too long for one call, and the quota isn't used up.
        failure_class = FailureClass.INVALID
    else:
        failure_class = _BY_CODE.get(code, FailureClass.TRANSIENT)
    return Failure(failure_class, code, message[:_SHOWN_CHARACTERS])


def bad_audio(message: str) -> Failure:
    """The failure of a call that was answered OK with audio that can't be used."""
    return Failure(FailureClass.BAD_AUDIO, "OK", message)


def not_permitted(failure_class: FailureClass) -> Failure:
    """The failure of an attempt that its permit refused: `QUOTA`, `CIRCUIT_OPEN` or `TIMEOUT`."""
    return Failure(failure_class, NOT_CALLED, _NOT_PERMITTED[failure_class])
