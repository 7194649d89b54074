"""Retries: when, how often, what the job takes along, and what it was told by whom."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import headers as names
from schemas.completion import Attempt, Completion, Problem
from schemas.enums import AttemptResult, FailureClass, JobStatus, Lane, VoiceModel
from schemas.headers import Headers
from schemas.topics import RETRY_DELAYS, delay_seconds
from worker.jobs.outcome import BAD_INPUT, History, Outcome
from worker.jobs.retry_policy import JITTER, next_outcome
from worker.kafka.consumer.record import Record
from worker.kafka.consumer.retry_headers import due_ms, read_history, retry_headers
from worker.kafka.delivery.outbox import Addresses, OutcomeMessages
from worker.lifecycle.clock import Clock

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
NOW_MS = int(NOW.timestamp() * 1000)
PROBLEM = Problem(failure_class="timeout", code="DEADLINE_EXCEEDED", message="slow: 慢")
LANES = st.sampled_from(Lane)
JITTERS = st.floats(0, 1, exclude_max=True)
TIMES = st.datetimes(datetime(2020, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
HEADERS: Headers = [("trace", b"1"), ("none", b""), ("trace", b"\xff")]


def record(**changes: Any) -> Record:
    given = {
        "lane": Lane.BATCH,
        "topic": "tts.batch",
        "partition": 3,
        "offset": 2**40,
        "key": b"key",
        "value": b"value",
        "headers": list(HEADERS),
        "timestamp_ms": NOW_MS - 5000,
    }
    return Record(**{**given, **changes})


def attempt(name: str, **changes: Any) -> Attempt:
    given = {
        "id": name,
        "voice_model": VoiceModel.CHIRP3_HD,
        "voice": "v",
        "result": AttemptResult.ERROR,
        "failure_class": FailureClass.TIMEOUT,
        "code": "DEADLINE_EXCEEDED",
        "message": "慢",
        "calls": 2,
        "seconds": 1.25,
        "billed_characters": 0,
        "ended_at": NOW,
    }
    return Attempt.model_validate({**given, **changes})


def failure(lane: Lane = Lane.BATCH, *attempts: Attempt, **changes: Any) -> Outcome:
    completion = Completion(job_id="a", status=JobStatus.FAILED, lane=lane, attempts=attempts, error=PROBLEM)
    return replace(Outcome(completion, PROBLEM, retryable=True), **changes)


def fresh(of: Record) -> History:
    return read_history(of, NOW)


def never_late() -> float:
    return 0.0


def written(of: Record, outcome: Outcome, now: datetime = NOW, offset: int = 0) -> Record:
    """The record of the retry topic that an outcome becomes, as the next worker reads it."""
    messages = OutcomeMessages(Addresses.for_group("tts", "g"), Clock(now=lambda: now)).build(of, outcome)
    assert len(messages) == 1
    assert outcome.retry is not None
    assert messages[0].topic == f"tts.retry.{of.lane.value}.{outcome.retry.delay}"
    return Record(
        of.lane,
        messages[0].topic,
        1,
        offset,
        messages[0].key,
        messages[0].value,
        messages[0].headers,
        int(now.timestamp() * 1000),
        delay=outcome.retry.delay,
    )


def life_of(
    first: Record, lane: Lane, random: Callable[[], float] = never_late
) -> tuple[list[Record], Outcome, Record]:
    """A job that fails at each try: its retry records, the last outcome and the record that it ended with."""
    at, now, retries = first, NOW, list[Record]()
    for number in range(20):
        outcome = next_outcome(failure(lane, attempt(f"{number}")), read_history(at, now), RETRY_DELAYS, now, random)
        if outcome.retry is None:
            return retries, outcome, at
        now += timedelta(seconds=delay_seconds(outcome.retry.delay) * 2)
        at = written(at, outcome, now, offset=number)
        retries.append(at)
    raise AssertionError("retries have no end")


# The ladder


def test_a_batch_job_climbs_three_delays_and_a_dialogue_job_one_before_it_is_a_dead_letter() -> None:
    for lane, delays in ((Lane.BATCH, ["10s", "1m", "10m"]), (Lane.DIALOGUE, ["10s"])):
        retries, last, _ = life_of(record(lane=lane), lane)
        assert [each.delay for each in retries] == delays
        assert last.dead_letter == PROBLEM
        assert last.completion is not None
        assert last.completion.status is JobStatus.FAILED
        assert [each.id for each in last.completion.attempts] == [str(n) for n in range(len(delays) + 1)]


def test_a_lane_without_delays_has_no_retries() -> None:
    for delays in ({}, {Lane.BATCH: ()}, {Lane.DIALOGUE: ("10s",)}):
        outcome = next_outcome(failure(), fresh(record()), delays, NOW, never_late)
        assert outcome.retry is None
        assert outcome.dead_letter == PROBLEM


def test_what_the_same_job_can_never_do_is_a_dead_letter_at_once() -> None:
    outcome = next_outcome(
        failure(Lane.BATCH, attempt("0"), retryable=False), fresh(record()), RETRY_DELAYS, NOW, never_late
    )
    assert outcome.retry is None
    assert outcome.dead_letter == PROBLEM
    assert outcome.completion is not None
    assert outcome.completion.attempts == (attempt("0"),)


def test_what_is_no_job_is_a_dead_letter_even_without_a_completion() -> None:
    problem = Problem(failure_class=BAD_INPUT, code="INVALID_JOB", message="m")
    outcome = next_outcome(Outcome(None, problem), fresh(record()), RETRY_DELAYS, NOW, never_late)
    assert (outcome.completion, outcome.dead_letter, outcome.retry) == (None, problem, None)
    assert outcome.rejected


@pytest.mark.parametrize("status", [JobStatus.DONE, JobStatus.EXPIRED])
def test_what_ended_well_or_too_late_is_left_as_it_is_with_all_its_attempts(status: JobStatus) -> None:
    completion = Completion(job_id="a", status=status, lane=Lane.BATCH, attempts=(attempt("1"),))
    history = replace(fresh(record()), tries=1, attempts=(attempt("0"),))
    outcome = next_outcome(Outcome(completion), history, RETRY_DELAYS, NOW, never_late)
    assert outcome.retry is outcome.dead_letter is None
    assert outcome.completion == completion.model_copy(update={"attempts": (attempt("0"), attempt("1"))})


def test_a_job_of_more_tries_than_there_are_delays_now_is_a_dead_letter() -> None:
    history = replace(fresh(record()), tries=2)
    outcome = next_outcome(failure(), history, {Lane.BATCH: ("10s", "1m")}, NOW, never_late)
    assert outcome.dead_letter == PROBLEM


# When it is due


@given(LANES, st.integers(0, 2), JITTERS, TIMES)
def test_a_retry_is_due_no_earlier_than_its_delay_and_at_most_a_fifth_later(
    lane: Lane, tries: int, jitter: float, now: datetime
) -> None:
    history = replace(fresh(record(lane=lane)), tries=tries)
    retry = next_outcome(failure(lane), history, RETRY_DELAYS, now, lambda: jitter).retry
    if tries >= len(RETRY_DELAYS[lane]):
        assert retry is None
        return
    assert retry is not None
    assert retry.delay == RETRY_DELAYS[lane][tries]
    waits = retry.due_ms - now.timestamp() * 1000
    seconds = delay_seconds(retry.delay)
    assert seconds * 1000 <= waits <= seconds * 1000 * (1 + JITTER) + 2
    # As the next worker reads it, which is a moment later.
    for moment_ms in (0, 1, 50):
        of_topic = written(
            record(lane=lane), next_outcome(failure(lane), history, RETRY_DELAYS, now, lambda: jitter), now
        )
        seen = due_ms(replace(of_topic, timestamp_ms=of_topic.timestamp_ms + moment_ms), retry.delay)
        assert retry.due_ms - 2 <= seen <= retry.due_ms
        assert seen >= now.timestamp() * 1000 + seconds * 1000


@given(st.binary(max_size=30) | st.integers(-(10**30), 10**30).map(lambda number: str(number).encode()))
def test_a_due_time_that_is_absurd_holds_a_job_no_longer_than_its_delay_and_jitter(reported: bytes) -> None:
    for delay in ("10s", "10m", "99999h"):
        of_topic = record(delay=delay, headers=[(names.RETRY_DUE_MS, reported)])
        assert due_ms(of_topic, delay) <= of_topic.timestamp_ms + delay_seconds(delay) * 1200


def test_without_a_due_time_a_job_waits_out_its_delay() -> None:
    assert due_ms(record(delay="10s"), "10s") >= record().timestamp_ms + 10_000


@given(JITTERS, st.integers(-20_000, 20_000))
def test_a_job_whose_next_try_would_come_after_its_deadline_has_expired_at_once(jitter: float, slack_ms: int) -> None:
    retry = next_outcome(failure(Lane.DIALOGUE), fresh(record()), RETRY_DELAYS, NOW, lambda: jitter).retry
    assert retry is not None
    deadline = datetime.fromtimestamp((retry.due_ms + slack_ms) / 1000, UTC)
    failed = failure(Lane.DIALOGUE, attempt("1"), deadline=deadline)
    history = replace(fresh(record()), attempts=(attempt("0"),))
    outcome = next_outcome(failed, history, RETRY_DELAYS, NOW, lambda: jitter)
    if slack_ms >= 0:
        assert outcome.retry is not None
        assert outcome.retry.due_ms == retry.due_ms
        assert outcome.retry.failed.attempts == (attempt("0"), attempt("1"))
        return
    assert outcome.retry is outcome.dead_letter is None
    assert outcome.completion is not None
    assert outcome.completion.status is JobStatus.EXPIRED
    assert outcome.completion.error is not None
    assert (outcome.completion.error.failure_class, outcome.completion.error.field) == ("expired", "deadline")
    assert PROBLEM.message in outcome.completion.error.message
    assert [each.id for each in outcome.completion.attempts] == ["0", "1"]


def test_after_the_last_delay_a_deadline_changes_nothing() -> None:
    history = replace(fresh(record()), tries=3)
    outcome = next_outcome(failure(deadline=NOW - timedelta(days=1)), history, RETRY_DELAYS, NOW, never_late)
    assert outcome.dead_letter == PROBLEM


# What it takes along


@given(
    st.sampled_from(Lane),
    st.none() | st.binary(max_size=20),
    st.none() | st.binary(max_size=50),
    st.lists(
        st.tuples(st.text(max_size=8).filter(lambda name: not name.startswith("retry-")), st.binary(max_size=9)),
        max_size=4,
    ),
    JITTERS,
)
def test_a_jobs_history_goes_with_it_through_all_its_retries(
    lane: Lane, key: bytes | None, value: bytes | None, headers: Headers, jitter: float
) -> None:
    first = record(lane=lane, key=key, value=value, headers=headers)
    retries, _, last = life_of(first, lane, lambda: jitter)
    for number, each in enumerate(retries, 1):
        history = read_history(each, NOW + timedelta(days=1))
        assert history.tries == number
        assert history.first_seen == NOW.isoformat()
        assert (history.topic, history.partition, history.offset) == (first.topic, first.partition, first.offset)
        assert history.timestamp_ms == first.timestamp_ms
        assert history.attempts == tuple(attempt(f"{n}") for n in range(number))
        assert (each.key, each.value) == (key, value)
        own = [header for header in each.headers if not header[0].startswith("retry-")]
        assert own == headers
        reported = [name for name, _ in each.headers if name.startswith("retry-")]
        assert len(reported) == len(set(reported)), "the history of the try before is replaced, not added to"
    assert last == retries[-1]


def test_a_retry_tells_the_last_error_in_its_headers() -> None:
    retry = next_outcome(failure(), fresh(record()), RETRY_DELAYS, NOW, never_late).retry
    assert retry is not None
    reported = dict(retry_headers(record(), fresh(record()), retry))
    assert reported["retry-error-class"] == b"timeout"
    assert reported["retry-error-code"] == b"DEADLINE_EXCEEDED"
    assert reported["retry-error-message"].decode() == "slow: 慢"
    assert reported["retry-due-ms"] == str(retry.due_ms).encode()
    assert reported["retry-tries"] == b"1"
    assert json.loads(reported["retry-attempts"]) == []


def test_an_error_that_is_no_unicode_can_be_sent() -> None:
    outcome = failure(dead_letter=PROBLEM.model_copy(update={"message": "a\ud800b"}))
    retry = next_outcome(outcome, fresh(record()), RETRY_DELAYS, NOW, never_late).retry
    assert retry is not None
    assert dict(retry_headers(record(), fresh(record()), retry))["retry-error-message"] == b"a\\ud800b"


# What others write there


SPOOFED: Headers = [
    (names.RETRY_TOPIC, b"tts.dialogue"),
    (names.RETRY_PARTITION, b"9"),
    (names.RETRY_OFFSET, b"9"),
    (names.RETRY_TIMESTAMP_MS, b"9"),
    (names.RETRY_FIRST_SEEN, b"never"),
    (names.RETRY_TRIES, b"9"),
    (names.RETRY_DUE_MS, b"9"),
    (names.RETRY_ATTEMPTS, b"[]"),
]


def test_what_a_producer_writes_into_the_headers_of_retries_is_ignored_in_a_lanes_own_topic() -> None:
    spoofed = record(headers=[*HEADERS, *SPOOFED])
    assert fresh(spoofed) == fresh(record())
    outcome = next_outcome(failure(), fresh(spoofed), RETRY_DELAYS, NOW, never_late)
    assert outcome.retry is not None
    of_topic = written(spoofed, outcome)
    assert dict(of_topic.headers) == dict(written(record(), outcome).headers)
    assert read_history(of_topic, NOW).topic == "tts.batch"


def test_the_history_that_the_worker_wrote_wins_over_one_that_a_producer_wrote_before_it() -> None:
    outcome = next_outcome(failure(), fresh(record()), RETRY_DELAYS, NOW, never_late)
    of_topic = written(record(), outcome)
    assert read_history(replace(of_topic, headers=[*SPOOFED, *of_topic.headers]), NOW) == read_history(of_topic, NOW)


@given(
    st.lists(
        st.tuples(
            st.sampled_from([name for name, _ in SPOOFED]),
            st.binary(max_size=20)
            | st.sampled_from([b"-1", b"1.5", b" 1", "١".encode(), b"9" * 19, b"9" * 20, b"1_0"]),
        ),
        max_size=12,
    )
)
def test_headers_of_garbage_in_a_retry_topic_end_in_a_history_all_the_same(headers: Headers) -> None:
    seen = record(topic="tts.retry.batch.10s", delay="10s", headers=headers)
    history = read_history(seen, NOW)
    assert history.tries >= 0
    assert history.partition >= 0
    assert history.offset >= 0
    assert history.timestamp_ms >= 0
    assert due_ms(seen, "10s") <= seen.timestamp_ms + 12_000
    outcome = next_outcome(failure(), history, RETRY_DELAYS, NOW, never_late)
    assert (outcome.retry is None) != (outcome.dead_letter is None)
    OutcomeMessages(Addresses.for_group("tts", "g"), Clock(now=lambda: NOW)).build(seen, outcome)


def test_a_header_without_a_value_is_none() -> None:
    nothing: list[Any] = [(name, None) for name, _ in SPOOFED]
    assert read_history(record(delay="10s", headers=nothing), NOW).tries in {0, 1}


@pytest.mark.parametrize("attempts", [b"", b"{}", b"[1]", b'[{"id": "a"}]', b"\xff", b"[" * 10_000, b"null"])
def test_attempts_that_cannot_be_read_are_none(attempts: bytes) -> None:
    whole = written(record(), next_outcome(failure(), fresh(record()), RETRY_DELAYS, NOW, never_late))
    read = read_history(replace(whole, headers=[*whole.headers, (names.RETRY_ATTEMPTS, attempts)]), NOW)
    assert read.attempts == ()
    assert read.tries == 1
