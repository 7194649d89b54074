"""The record of a dead letter: complete, with reason and origin and a stable id; the records of the outbox."""

from __future__ import annotations

import asyncio
import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from schemas import headers as names
from schemas.completion import Attempt, Audio, Completion, Problem
from schemas.enums import AttemptResult, AudioEncoding, JobStatus, Lane, VoiceModel
from schemas.headers import Headers, letter_id
from schemas.topics import COMPLETIONS, DEAD_LETTERS, LANE_RECORD_BYTES
from worker.jobs.outcome import History, Outcome, Retry
from worker.kafka.consumer.record import Record
from worker.kafka.consumer.retry_headers import read_history
from worker.kafka.dead_letters.encoder import KEPT_BYTES, DeadLetterRecord, build_dead_letter
from worker.kafka.delivery import outbox
from worker.kafka.delivery.cut import Cut, Step
from worker.kafka.delivery.outbox import Addresses, Outbox, OutcomeMessages
from worker.kafka.delivery.sender import Message, RecordTooLargeError
from worker.lifecycle.clock import Clock

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
PROBLEM = Problem(failure_class="bad_input", code="INVALID_JOB", message="text: 沒有字", field="text")
ATTEMPT = Attempt(
    id="1",
    voice_model=VoiceModel.WAVENET,
    voice="v",
    result=AttemptResult.ERROR,
    code="INTERNAL",
    calls=1,
    seconds=1,
    billed_characters=0,
    ended_at=NOW,
)
AUDIO = Audio(
    uri="s3://b/k", bucket="b", key="k", bytes=1, duration_s=1.0, encoding=AudioEncoding.OGG_OPUS, sample_rate=24000,
    sha256="0" * 64, cached=False,
)  # fmt: skip
MESSAGES = OutcomeMessages(Addresses.for_group("staging", "g"), Clock(now=lambda: NOW))


def record(**changes: Any) -> Record:
    given = {"key": b"key", "value": b"value", "headers": [("trace", b"1"), ("trace", b"\xff")], "timestamp_ms": 1234}
    return Record(**{"lane": Lane.BATCH, "topic": "tts.batch", "partition": 3, "offset": 2**40, **given, **changes})


def letter_for(failed: Record, problem: Problem = PROBLEM, attempts: tuple[Attempt, ...] = ()) -> DeadLetterRecord:
    return build_dead_letter(failed, problem, read_history(failed, NOW), attempts, NOW)


def own(letter: DeadLetterRecord) -> Headers:
    return [header for header in letter.headers if not header[0].startswith("dead-letter-")]


@given(
    st.binary(max_size=9),
    st.none() | st.binary(max_size=9),
    st.lists(st.tuples(st.text(max_size=9), st.none() | st.binary(max_size=9)), max_size=5),
)
def test_a_dead_letter_is_the_record_whole(key: bytes, value: bytes | None, headers: list[Any]) -> None:
    letter = letter_for(record(key=key, value=value, headers=headers))
    assert (letter.key, letter.value) == (key, value)
    assert own(letter) == headers
    assert not letter.is_truncated


def test_a_record_of_nothing_can_be_a_dead_letter_all_the_same() -> None:
    letter = letter_for(record(key=None, value=None))
    assert (letter.key, letter.value) == (None, b"")


def test_a_dead_letter_has_the_reason_and_the_origin() -> None:
    headers = dict(letter_for(record(), attempts=(ATTEMPT,)).headers)
    assert headers["dead-letter-class"] == b"bad_input"
    assert headers["dead-letter-code"] == b"INVALID_JOB"
    assert headers["dead-letter-field"] == b"text"
    assert headers["dead-letter-message"].decode() == "text: 沒有字"
    assert headers["dead-letter-lane"] == b"batch"
    assert (headers["dead-letter-topic"], headers["dead-letter-partition"]) == (b"tts.batch", b"3")
    assert headers["dead-letter-offset"] == str(2**40).encode()
    assert headers["dead-letter-timestamp-ms"] == b"1234"
    assert headers["dead-letter-tries"] == b"1"
    assert headers["dead-letter-time"] == headers["dead-letter-first-seen"] == b"2026-01-31T12:00:00+00:00"
    assert [each["id"] for each in json.loads(headers["dead-letter-attempts"])] == ["1"]


def test_after_retries_a_dead_letter_has_the_jobs_first_origin_and_no_retry_headers() -> None:
    history = History("tts.batch", 3, 7, 99, "2026-01-31T11:00:00+00:00", 3, (ATTEMPT,))
    retried = record(topic="tts.retry.batch.10m", partition=1, offset=5, delay="10m", headers=[("trace", b"1")])
    retried.headers.extend([(names.RETRY_TRIES, b"3"), (names.RETRY_DUE_MS, b"1")])
    letter = build_dead_letter(retried, PROBLEM, history, (ATTEMPT, ATTEMPT), NOW)
    headers = dict(letter.headers)
    assert headers["dead-letter-topic"] == b"tts.batch"
    assert (headers["dead-letter-partition"], headers["dead-letter-offset"]) == (b"3", b"7")
    assert headers["dead-letter-tries"] == b"4"
    assert headers["dead-letter-first-seen"] == b"2026-01-31T11:00:00+00:00"
    assert headers["dead-letter-timestamp-ms"] == b"99"
    assert own(letter) == [("trace", b"1")]


@given(st.integers(0, 11), st.integers(0, 2**62), st.integers(0, 11), st.integers(0, 2**62))
def test_the_id_is_the_records_own_however_it_failed_and_another_for_another(a: int, b: int, c: int, d: int) -> None:
    one = dict(letter_for(record(partition=a, offset=b)).headers)["dead-letter-id"]
    later = replace(record(partition=a, offset=b), value=b"x", headers=[], timestamp_ms=0)
    again = dict(letter_for(later, Problem(failure_class="x", code="y", message="z")).headers)["dead-letter-id"]
    other = dict(letter_for(record(partition=c, offset=d)).headers)["dead-letter-id"]
    assert one == again == letter_id("tts.batch", a, b).encode()
    assert (one == other) == ((a, b) == (c, d))
    assert len(one) == 16


def test_a_producers_headers_can_make_neither_a_marker_nor_another_origin_nor_a_cut() -> None:
    reserved = [name for name in vars(names).values() if isinstance(name, str) and name.startswith(("dead-", "retry-"))]
    spoofed: Headers = [(name, b"spoofed") for name in reserved]
    for delay in (None, "10s"):
        letter = letter_for(record(headers=[*spoofed, ("trace", b"1"), *spoofed], delay=delay))
        assert (names.REPLAYED_ID, b"spoofed") not in letter.headers
        assert names.LETTER_CUT not in dict(letter.headers)
        assert dict(letter.headers)["dead-letter-partition"] == b"3"
        assert len([1 for name, _ in letter.headers if name == names.LETTER_ID]) == 1
        assert own(letter) == [("trace", b"1")]


def test_a_reason_without_a_field_and_with_lone_surrogates_can_still_be_sent() -> None:
    headers = dict(letter_for(record(), Problem(failure_class="x", code="y", message="a\ud800b")).headers)
    assert headers["dead-letter-field"] == b""
    assert headers["dead-letter-message"] == b"a\\ud800b"


# Too large


LARGE = 3 * 2**20


@pytest.mark.parametrize("part", ["value", "key", "header", "many headers", "wide names"])
def test_what_is_larger_than_its_topic_takes_keeps_its_beginning_its_hash_and_its_reason(part: str) -> None:
    headers: dict[str, Headers] = {
        "header": [("h", bytes(LARGE))],
        "many headers": [("h", b"")] * (LARGE // 8),
        "wide names": [("聲" * 1000, b"")] * (LARGE // 3000),
    }
    large = record(
        key=bytes(LARGE) if part == "key" else b"key",
        value=b"x" * LARGE if part == "value" else b"value",
        headers=headers.get(part, []),
    )
    letter = letter_for(large)
    found = dict(letter.headers)
    assert letter.is_truncated
    assert found["dead-letter-cut"] == b"true"
    assert found["dead-letter-sha256"].decode() == hashlib.sha256(large.value or b"").hexdigest()
    assert letter.value == (large.value or b"")[: 64 * 2**10]
    assert letter.key == (None if part == "key" else b"key")
    assert own(letter) == []
    assert found["dead-letter-id"] == letter_id("tts.batch", 3, 2**40).encode()
    assert found["dead-letter-message"].decode() == "text: 沒有字"
    assert letter.size < 2**18


@settings(max_examples=30)
@given(st.integers(-5000, 5000))
def test_a_dead_letter_is_whole_up_to_twice_a_lanes_record_less_a_batchs_own_bytes(off: int) -> None:
    letter = letter_for(record(value=bytes(2 * LANE_RECORD_BYTES + off)))
    assert letter.size <= 2 * LANE_RECORD_BYTES
    if off <= -5000:
        assert not letter.is_truncated
    if off >= 0:
        assert letter.is_truncated


def test_the_largest_record_of_a_lane_is_kept_whole() -> None:
    assert not letter_for(record(value=bytes(LANE_RECORD_BYTES), headers=[("h", bytes(2**17))])).is_truncated


# The outbox's records


def completion(**changes: Any) -> Completion:
    return Completion(**{"job_id": "a", "status": JobStatus.FAILED, "lane": Lane.BATCH, "error": PROBLEM, **changes})


def test_a_failed_job_is_a_dead_letter_and_a_completion_with_the_same_attempts() -> None:
    letter, event = MESSAGES.build(record(), Outcome(completion(attempts=(ATTEMPT,)), PROBLEM))
    assert (letter.topic, event.topic) == ("staging.dead-letters", "staging.completions")
    assert (letter.key, event.key) == (b"key", b"key")
    assert json.loads(dict(letter.headers)["dead-letter-attempts"])[0]["id"] == "1"
    assert json.loads(event.value or b"")["attempts"][0]["id"] == "1"


def test_what_has_no_usable_id_is_a_dead_letter_alone_and_keeps_the_attempts_of_the_tries_before() -> None:
    history = History("tts.batch", 3, 7, 99, "then", 1, (ATTEMPT,))
    (letter,) = MESSAGES.build(record(), Outcome(None, PROBLEM, history=history))
    assert letter.topic == "staging.dead-letters"
    assert json.loads(dict(letter.headers)["dead-letter-attempts"])[0]["id"] == "1"


def test_an_events_id_is_the_same_for_the_same_outcome_of_a_job_wherever_it_was_tried_and_another_after_a_replay() -> (
    None
):
    def id_of_event(source: Record) -> bytes:
        (message,) = MESSAGES.build(source, Outcome(completion(status=JobStatus.DONE, error=None)))
        return dict(message.headers)["ce_id"]

    retried = record(topic="tts.retry.batch.10s", offset=1, delay="10s")
    assert id_of_event(record()) == id_of_event(retried)
    replays = {id_of_event(record(headers=[("replay-number", str(n).encode())])) for n in range(3)}
    assert len(replays) == 3
    assert id_of_event(record()) in replays
    assert id_of_event(record(headers=[("replay-number", b"garbage")])) == id_of_event(record())


def test_a_key_that_no_record_should_have_makes_no_completion_too_large() -> None:
    (message,) = MESSAGES.build(record(key=bytes(2**20)), Outcome(completion(status=JobStatus.DONE, error=None)))
    assert message.key is None


class RefusingSender:
    """Refuses records larger than a limit, as a topic whose own limit is below the table's does."""

    def __init__(self, limit: int, limits: dict[str, int] | None = None) -> None:
        self.limit = limit
        self.limits = limits or {}
        self.sent: list[Message] = []

    async def send(self, messages: list[Message]) -> None:
        refused = frozenset(
            each.topic
            for each in messages
            if DeadLetterRecord(each.key, each.value, each.headers).size > self.limits.get(each.topic, self.limit)
        )
        self.sent += [each for each in messages if each.topic not in refused]
        if refused:
            raise RecordTooLargeError("too large", refused)


@pytest.mark.parametrize(
    "large",
    [{"value": bytes(2**20)}, {"headers": [("h", bytes(2**20))]}, {"key": bytes(2**20)}],
    ids=["value", "headers", "key"],
)
async def test_a_dead_letter_that_its_topic_refuses_is_truncated_and_sent_again(large: dict[str, Any]) -> None:
    sender: Any = RefusingSender(2**19)
    await Outbox(sender, MESSAGES).publish(record(**large), Outcome(completion(), PROBLEM))
    # The completion was acknowledged beside the refusal, and isn't sent again.
    assert [each.topic for each in sender.sent] == ["staging.completions", "staging.dead-letters"]
    assert dict(sender.sent[1].headers)["dead-letter-cut"] == b"true"


def labelled(**changes: Any) -> Completion:
    labels = {f"label-{n}": "x" * 1024 for n in range(50)}
    long = ATTEMPT.model_copy(update={"message": "slow " * 100})
    return completion(labels=labels, attempts=(long,), **changes)


async def test_a_completion_that_its_topic_refuses_is_published_without_its_labels_and_says_so() -> None:
    sender: Any = RefusingSender(2**14)
    with capture_logs() as logs:
        await Outbox(sender, MESSAGES).publish(record(), Outcome(labelled(status=JobStatus.DONE, error=None)))
    (message,) = sender.sent
    published = Completion.model_validate_json(message.value or b"")
    assert (message.topic, message.key) == ("staging.completions", b"key")
    assert (published.status, published.labels) == (JobStatus.DONE, {})
    assert published.attempts[0].message == ("slow " * 100)[:100]
    assert published.shortened == ("labels", "attempts")
    assert [(each["event"], each["refused_by"]) for each in logs] == [("outcome_cut", "staging.completions")]
    assert (logs[0]["topic"], logs[0]["partition"], logs[0]["offset"]) == ("tts.batch", 3, 2**40)


@pytest.mark.parametrize(("limit", "answered"), [(10, []), (2**14, ["game-1"])])
async def test_a_reply_topic_that_takes_less_gets_less_and_the_shared_topic_the_whole_completion_once(
    limit: int, answered: list[str]
) -> None:
    sender: Any = RefusingSender(2**20, {"game-1": limit})
    outcome = Outcome(labelled(status=JobStatus.DONE, error=None, reply_topic="game-1"))
    await Outbox(sender, MESSAGES).publish(record(), outcome)
    assert [each.topic for each in sender.sent] == ["staging.completions", *answered]
    shared = Completion.model_validate_json(sender.sent[0].value or b"")
    assert (len(shared.labels), shared.shortened) == (50, None)


async def test_a_job_whose_completion_no_topic_takes_ends_as_a_dead_letter_that_says_where_its_audio_is() -> None:
    sender: Any = RefusingSender(2**20, {"staging.completions": 10})
    done = completion(status=JobStatus.DONE, error=None, audio=AUDIO)
    await Outbox(sender, MESSAGES).publish(record(), Outcome(done))
    (message,) = sender.sent
    reason = dict(message.headers)
    assert (message.topic, message.value) == ("staging.dead-letters", b"")
    assert reason["dead-letter-code"] == b"COMPLETION_REFUSED"
    assert AUDIO.uri in reason["dead-letter-message"].decode()


async def test_what_is_refused_however_small_is_sent_again_until_the_topic_is_corrected(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(outbox, "_REFUSED_S", 0.0)
    for outcome in (Outcome(completion(status=JobStatus.DONE)), Outcome(completion(), PROBLEM)):
        sender: Any = RefusingSender(10)
        with capture_logs() as logs:
            publishing = asyncio.create_task(Outbox(sender, MESSAGES).publish(record(), outcome))
            for _ in range(20):
                await asyncio.sleep(0)
            assert not publishing.done()
            assert logs[-1]["event"] == "outcome_refused"
            sender.limit = 2**14
            await publishing
        assert sender.sent[-1].topic == "staging.dead-letters"


@pytest.mark.parametrize(
    "large",
    [{"value": bytes(2**20)}, {"headers": [("h", bytes(2**20))]}, {"key": bytes(2**20)}],
    ids=["value", "headers", "key"],
)
def test_a_bare_dead_letter_is_small_whatever_the_record_was_and_still_says_why_and_where(
    large: dict[str, Any],
) -> None:
    problem = PROBLEM.model_copy(update={"message": "m" * 1000})
    message, _ = MESSAGES.build(record(**large), Outcome(completion(), problem), Cut(letter=Step.LEAST))
    assert DeadLetterRecord(message.key, message.value, message.headers).size < 2**11
    reason = dict(message.headers)
    assert (reason["dead-letter-code"], reason["dead-letter-offset"]) == (b"INVALID_JOB", str(2**40).encode())
    assert reason["dead-letter-cut"] == b"true"


def test_small_messages_truncate_a_dead_letter_and_leave_its_completion() -> None:
    outcome = Outcome(completion(), PROBLEM)
    large = MESSAGES.build(record(value=bytes(2**20)), outcome)
    small = MESSAGES.build(record(value=bytes(2**20)), outcome, Cut(letter=Step.SHORT))
    assert len(small[0].value or b"") == KEPT_BYTES
    assert small[1].value == large[1].value


async def test_a_retry_that_its_topic_refuses_ends_as_a_truncated_dead_letter() -> None:
    sender: Any = RefusingSender(2**17)
    outcome = Outcome(None, retry=Retry("10s", 1, PROBLEM, completion()))
    await Outbox(sender, MESSAGES).publish(record(value=bytes(2**20)), outcome)
    assert [each.topic for each in sender.sent] == ["staging.dead-letters", "staging.completions"]
    assert dict(sender.sent[0].headers)["dead-letter-cut"] == b"true"


def test_the_addresses_of_a_deployment_carry_its_prefix() -> None:
    assert Addresses.for_group("staging", "group-1").source == "/chirp-worker/group-1"
    topics = [
        each.topic
        for each in OutcomeMessages(Addresses.for_group("tts", "g"), Clock()).build(
            record(), Outcome(completion(), PROBLEM)
        )
    ]
    assert topics == [DEAD_LETTERS, COMPLETIONS]
