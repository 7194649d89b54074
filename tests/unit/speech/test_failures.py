"""What kind of failure each gRPC status is, and what follows."""

from __future__ import annotations

import grpc
import pytest

from schemas.enums import FailureClass
from worker.speech.failures import bad_audio, classify_failure

CLASSES = {
    "INVALID_ARGUMENT": FailureClass.INVALID,
    "NOT_FOUND": FailureClass.INVALID,
    "FAILED_PRECONDITION": FailureClass.INVALID,
    "OUT_OF_RANGE": FailureClass.INVALID,
    "UNIMPLEMENTED": FailureClass.INVALID,
    "RESOURCE_EXHAUSTED": FailureClass.QUOTA,
    "UNAVAILABLE": FailureClass.TRANSIENT,
    "INTERNAL": FailureClass.TRANSIENT,
    "ABORTED": FailureClass.TRANSIENT,
    "UNKNOWN": FailureClass.TRANSIENT,
    "CANCELLED": FailureClass.TRANSIENT,
    "ALREADY_EXISTS": FailureClass.TRANSIENT,
    "DATA_LOSS": FailureClass.TRANSIENT,
    "DEADLINE_EXCEEDED": FailureClass.TIMEOUT,
    "PERMISSION_DENIED": FailureClass.DENIED,
    "UNAUTHENTICATED": FailureClass.DENIED,
}


def test_every_status_of_grpc_stands_in_this_test() -> None:
    assert CLASSES.keys() == {code.name for code in grpc.StatusCode} - {"OK"}


@pytest.mark.parametrize("code", CLASSES)
def test_a_status_has_its_class_and_keeps_its_words(code: str) -> None:
    failure = classify_failure(code, "Google's words")
    assert (failure.failure_class, failure.code, failure.message) == (CLASSES[code], code, "Google's words")


@pytest.mark.parametrize("code", CLASSES)
def test_what_the_connection_or_google_may_not_meet_again_is_quickly_retried(code: str) -> None:
    retried = {"UNAVAILABLE", "INTERNAL", "ABORTED", "UNKNOWN", "CANCELLED"}
    assert classify_failure(code, "Stream removed").quickly_retried == (code in retried)


@pytest.mark.parametrize(
    ("code", "message", "too_long"),
    [
        ("INVALID_ARGUMENT", 'This request contains sentences that are too long. Sentence starting with: "a"', True),
        ("INVALID_ARGUMENT", "Either `input.text` or `input.ssml` is longer than the limit of 5000 bytes.", True),
        ("RESOURCE_EXHAUSTED", "Received message larger than max (70000000 vs. 67108864)", True),
        ("INVALID_ARGUMENT", "This voice does not support pitch parameters at this time.", False),
        ("INTERNAL", "sentences that are too long", False),
    ],
)
def test_what_google_would_speak_in_smaller_parts_is_told_apart(code: str, message: str, too_long: bool) -> None:
    assert classify_failure(code, message).too_long is too_long


@pytest.mark.parametrize("code", CLASSES)
def test_what_is_invalid_or_denied_will_not_work_later(code: str) -> None:
    expected = CLASSES[code] not in {FailureClass.INVALID, FailureClass.DENIED}
    assert classify_failure(code, "").retryable == expected


@pytest.mark.parametrize(
    "message",
    [
        "Received message larger than max (4194305 vs. 4194304)",
        "CLIENT: Received message larger than max (5000000 vs 4194304)",
    ],
)
def test_a_reply_over_four_mebibytes_is_no_quota(message: str) -> None:
    assert classify_failure("RESOURCE_EXHAUSTED", message).failure_class is FailureClass.INVALID


def test_a_quota_is_a_quota_in_googles_words() -> None:
    message = "Quota exceeded for quota metric 'Chirp3 requests' and limit 'Chirp3 requests per minute'"
    assert classify_failure("RESOURCE_EXHAUSTED", message).failure_class is FailureClass.QUOTA


def test_a_status_that_nobody_knows_is_transient_and_not_quickly_retried() -> None:
    failure = classify_failure("SOMETHING_NEW", "")
    assert failure.failure_class is FailureClass.TRANSIENT
    assert not failure.quickly_retried


def test_long_words_are_shortened() -> None:
    assert len(classify_failure("INTERNAL", "x" * 10_000).message) == 300


def test_bad_audio_is_a_class_of_its_own_and_is_not_quickly_retried() -> None:
    failure = bad_audio("empty")
    assert (failure.failure_class, failure.code, failure.quickly_retried) == (FailureClass.BAD_AUDIO, "OK", False)
    assert failure.retryable


@pytest.mark.parametrize(
    ("message", "failure_class"),
    [
        # google-auth's words, as gRPC passes them on: the account was refused, or nobody could be asked.
        ("Getting metadata from plugin failed with error: ('invalid_grant: Bad Request', {})", FailureClass.DENIED),
        ("Getting metadata from plugin failed with error: HTTPSConnectionPool: Max retries", FailureClass.TRANSIENT),
        ("failed to connect to all addresses", FailureClass.TRANSIENT),
    ],
)
def test_credentials_that_are_refused_are_a_denial_though_grpc_says_unavailable(message, failure_class):
    assert classify_failure("UNAVAILABLE", message).failure_class is failure_class
