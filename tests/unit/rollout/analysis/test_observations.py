"""Decoding of records as workers write them now, as earlier versions wrote them, and of malformed ones."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.completion import Attempt, Audio, Completion, DecisionTaken
from schemas.enums import AttemptResult, AudioEncoding, DecisionReason, FailureClass, JobStatus, Lane, VoiceModel
from schemas.events import completion_headers
from schemas.headers import RETRY_ATTEMPTS
from worker.kafka.consumer.retry_headers import encode_attempts
from worker.rollout.analysis.attempt_counts import AttemptCounts
from worker.rollout.analysis.observations import Observation, UnreadableAttemptsError, decode_completion, decode_retry

ENDED = datetime(2026, 3, 2, 12, 0, 30, tzinfo=UTC)
FAILED = Attempt(
    id="one",
    voice_model=VoiceModel.CHIRP3_HD,
    voice="en-US-Chirp3-HD-Charon",
    result="error",
    failure_class=FailureClass.QUOTA,
    code="RESOURCE_EXHAUSTED",
    calls=2,
    seconds=0.25,
    billed_characters=0,
    ended_at=ENDED,
    decided=VoiceModel.CHIRP3_HD,
    reason=DecisionReason.IN_ROLLOUT,
    revision=7,
    falls_back=True,
)
SPOKE = FAILED.model_copy(
    update={
        "id": "two",
        "voice_model": VoiceModel.WAVENET,
        "result": AttemptResult.SUCCESS,
        "failure_class": None,
        "code": "OK",
        "seconds": 1.5,
        "billed_characters": 19,
        "falls_back": False,
    }
)
JOB = {"job_id": "job-1", "character": "ghoul", "text": "Smoothskins, always"}


def completion(*attempts: Attempt, cached: bool = False, **fields: Any) -> Completion:
    audio = Audio(
        uri="s3://takes/key",
        bucket="takes",
        key="key",
        bytes=100,
        duration_s=1.0,
        encoding=AudioEncoding.MP3,
        sample_rate=24000,
        sha256="0" * 64,
        cached=cached,
    )
    given = {
        "job_id": "job-1",
        "status": JobStatus.DONE,
        "lane": Lane.BATCH,
        "character": "ghoul",
        "language": "en-US",
        "text_characters": 19,
        "decision": DecisionTaken(
            voice_model=VoiceModel.CHIRP3_HD, reason=DecisionReason.IN_ROLLOUT, bucket=3, revision=8, percentage=10
        ),
        "attempts": attempts,
        "audio": audio,
        "voice_model": VoiceModel.WAVENET,
        **fields,
    }
    return Completion(**given)


def headers_of(made: Completion) -> list[tuple[str, bytes]]:
    return completion_headers(made, event="event-1", source="/chirp-worker/test", now=ENDED)


def decoded(made: Completion) -> list[Observation]:
    return decode_completion(made.model_dump_json().encode(), headers_of(made))


def test_a_completion_has_each_attempt_with_its_decision() -> None:
    first, second = decoded(completion(FAILED, SPOKE))
    assert first == Observation(
        id="one",
        ended_at=ENDED,
        lane=Lane.BATCH,
        character="ghoul",
        language="en-US",
        text_characters=19,
        voice_model=VoiceModel.CHIRP3_HD,
        decided=VoiceModel.CHIRP3_HD,
        reason=DecisionReason.IN_ROLLOUT,
        revision=7,
        first=True,
        failure=FailureClass.QUOTA,
        falls_back=True,
        seconds=0.25,
        billed=0,
    )
    assert (second.id, second.first, second.failure, second.seconds, second.billed) == ("two", False, None, 1.5, 19)


def test_an_attempt_that_an_open_circuit_refused_counts_where_the_circuit_failed() -> None:
    skipped = FAILED.model_copy(update={"calls": 0, "failure_class": FailureClass.CIRCUIT_OPEN, "revision": 9})
    for opened, revision in ((None, 9), (4, 4), (9, 9), (11, 9), (0, 0)):
        (observed,) = decoded(completion(skipped.model_copy(update={"circuit_revision": opened})))
        assert observed.revision == revision


def test_the_last_attempt_of_a_completion_is_by_the_worker_that_published_it() -> None:
    made = completion(FAILED, SPOKE.model_copy(update={"revision": 8}))
    value = made.model_dump_json().encode()
    headers = completion_headers(made, event="e", source="/s", now=ENDED, worker="pod-1")
    assert [each.worker for each in decode_completion(value, headers)] == ["", "pod-1"]
    assert [each.worker for each in decode_completion(value, headers_of(made))] == ["", ""]
    # An attempt of an earlier try, by another revision than the completion's, may be another worker's.
    earlier = completion(FAILED.model_copy(update={"revision": 7}))
    headers = completion_headers(earlier, event="e", source="/s", now=ENDED, worker="pod-1")
    assert [each.worker for each in decode_completion(earlier.model_dump_json().encode(), headers)] == [""]
    cached = completion(cached=True)
    headers = completion_headers(cached, event="e", source="/s", now=ENDED, worker="pod-1")
    assert [each.worker for each in decode_completion(cached.model_dump_json().encode(), headers)] == ["pod-1"]


def test_an_attempt_without_a_call_is_marked_as_not_called() -> None:
    skipped = FAILED.model_copy(update={"calls": 0, "seconds": 0.0, "failure_class": FailureClass.CIRCUIT_OPEN})
    first, second = decoded(completion(skipped, SPOKE))
    assert (first.called, first.failure, first.falls_back) == (False, FailureClass.CIRCUIT_OPEN, True)
    assert second.called


def test_a_stored_take_has_the_id_and_the_time_of_its_event() -> None:
    made = completion(cached=True)
    (stored,) = decoded(made)
    assert (stored.id, stored.ended_at) == ("event-1", ENDED)
    assert (stored.cached, stored.first, stored.voice_model, stored.revision) == (True, True, VoiceModel.WAVENET, 8)


def test_a_stored_take_in_the_place_of_a_failed_attempt_is_no_first_answer() -> None:
    attempt, stored = decoded(completion(FAILED, cached=True))
    assert (attempt.first, stored.first, stored.cached) == (True, False, True)


def attempts_alone(observations: list[Observation]) -> list[Observation]:
    """Without what only a completion says: whose audio the attempt is."""
    return [replace(each, job_id="", audio="") for each in observations]


def test_a_retry_record_has_the_same_attempts_as_the_later_completion() -> None:
    headers = [(RETRY_ATTEMPTS, encode_attempts((FAILED, SPOKE)).encode())]
    assert decode_retry(json.dumps(JOB).encode(), headers, Lane.BATCH) == attempts_alone(
        decoded(completion(FAILED, SPOKE))
    )


@pytest.mark.parametrize(
    "value",
    [
        b"\xef\xbb\xbf" + json.dumps(JOB).encode(),
        json.dumps({**JOB, "ssml": None, "language": None}).encode(),
        json.dumps({"specversion": "1.0", "type": "t", "source": "s", "id": "1", "data": JOB}).encode(),
    ],
)
def test_a_retry_record_is_read_as_the_worker_reads_a_job(value: bytes) -> None:
    headers = [(RETRY_ATTEMPTS, encode_attempts((FAILED, SPOKE)).encode())]
    assert decode_retry(value, headers, Lane.BATCH) == attempts_alone(decoded(completion(FAILED, SPOKE)))


def test_the_text_length_of_a_retry_is_the_workers() -> None:
    headers = [(RETRY_ATTEMPTS, encode_attempts((FAILED,)).encode())]
    ssml = {"job_id": "1", "character": "ghoul", "ssml": "<speak>Hi</speak>"}
    (attempt,) = decode_retry(json.dumps(ssml).encode(), headers, Lane.BATCH)
    assert attempt.text_characters == len("<speak>Hi</speak>")


def test_a_job_that_could_not_be_parsed_has_no_attempts() -> None:
    nobody = {"character": None, "language": None, "text_characters": None, "decision": None, "audio": None}
    assert decoded(completion(status=JobStatus.FAILED, **nobody)) == []


def test_attempts_of_an_earlier_version_have_no_decision() -> None:
    record = json.loads(completion(FAILED).model_dump_json())
    for name in ("decided", "reason", "revision", "falls_back"):
        del record["attempts"][0][name]
    (attempt,) = decode_completion(json.dumps(record).encode(), [])
    assert (attempt.decided, attempt.reason, attempt.revision, attempt.falls_back) == (None, None, 0, False)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("ended_at", "2026-03-02T12:00:00"),
        ("ended_at", "yesterday"),
        ("seconds", float("nan")),
        ("seconds", float("inf")),
        ("seconds", 1e300),
        ("seconds", -1),
        ("billed_characters", "19"),
        ("revision", 1e400),
        ("id", ["one"]),
        ("voice_model", "studio"),
        ("voice_model", {}),
    ],
)
def test_a_value_that_no_worker_writes_is_refused(field: str, value: object) -> None:
    record = json.loads(completion(FAILED).model_dump_json())
    record["attempts"][0][field] = value
    with pytest.raises(UnreadableAttemptsError):
        decode_completion(json.dumps(record).encode(), [])


@pytest.mark.parametrize("value", [None, b"", b"\xff", b"[]", b"1", b"null", b'{"attempts": 3}', b"[" * 100_000])
def test_a_foreign_record_is_refused(value: bytes | None) -> None:
    with pytest.raises(UnreadableAttemptsError):
        decode_completion(value, [])
    with pytest.raises(UnreadableAttemptsError):
        decode_retry(value, [(RETRY_ATTEMPTS, b"[]")], Lane.BATCH)


any_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.datetimes().map(str),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
paths = st.sampled_from(
    [
        *((name,) for name in ("lane", "character", "language", "text_characters", "attempts", "audio", "decision")),
        *(("attempts", 0, name) for name in FAILED.model_dump()),
        ("attempts", 0),
        ("audio", "cached"),
        ("decision", "revision"),
        ("decision", "reason"),
        ("voice_model",),
        ("job_id",),
    ]
)


@given(paths, any_json, st.booleans())
def test_any_record_is_refused_or_can_be_counted(path: tuple, value: object, cached: bool) -> None:
    made = completion(FAILED, cached=cached)
    record: Any = json.loads(made.model_dump_json())
    at = record
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = value
    ledger = AttemptCounts(timedelta(minutes=1))
    try:
        observations = decode_completion(json.dumps(record).encode(), headers_of(made))
    except UnreadableAttemptsError:
        return
    for each in observations:
        ledger.add(each, 1, ENDED)
    assert ledger.counted + ledger.late + ledger.repeated == len(observations)
