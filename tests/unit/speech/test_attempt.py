"""One attempt: its quick retry, what it costs, and that nothing that Google does makes it raise."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AbstractContextManager, nullcontext
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from schemas.enums import AttemptResult, AudioEncoding, FailureClass, Lane
from tests.unit.makers import CHIRP, WAVENET, audio, rendered_job
from tests.until import loop_until
from worker.lifecycle.clock import Clock
from worker.observability.metrics import Metrics
from worker.speech.attempt import AttemptEnd, Attempter, Spoken
from worker.speech.audio_format import read_duration
from worker.speech.failures import CallFailedError, Failure, classify_failure
from worker.speech.limits.permits import Permit, Permits
from worker.speech.limits.rate_limit import RateLimitRules, RateLimits
from worker.speech.limits.rate_limit_queue import RateLimitQueue

NO_LIMITS = RateLimitRules({}, 0, 0.0)
# Of a share that was just taken 3 % may be used at once: one request of 42.
ONE_CALL = RateLimitRules({CHIRP: 42}, 0, 0.0)
NOW = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
WAV = {"audio": {"encoding": "LINEAR16", "sample_rate": 24000}}
GOOD = audio(AudioEncoding.LINEAR16, 1.5)


class ScriptedGoogle:
    """Answers each call as its script says."""

    def __init__(self, *answers: bytes | str) -> None:
        self.answers = list(answers)
        self.encodings: list[AudioEncoding] = []

    async def synthesize(self, _entry: Any, _rendered: Any, encoding: AudioEncoding) -> bytes:
        self.encodings.append(encoding)
        answer = self.answers.pop(0)
        if isinstance(answer, str):
            raise CallFailedError(classify_failure(answer, f"{answer} it is"))
        return answer


async def attempt(
    *answers: bytes | str, voice_model: Any = CHIRP, quota: RateLimitRules = NO_LIMITS, **changes: Any
) -> tuple[AttemptEnd, ScriptedGoogle, Metrics]:
    google = ScriptedGoogle(*answers)
    metrics = Metrics(CollectorRegistry(), ["pip_boy"])
    ticks = iter(range(100))
    clock = Clock(monotonic=lambda: float(next(ticks)), now=lambda: NOW)
    attempter = Attempter(google, metrics, 0.0, clock, new_id=lambda: "attempt-1")
    async with permitting(quota, metrics, voice_model) as permit:
        end = await attempter.attempt(rendered_job(voice_model, **{**WAV, **changes}), permit)
    assert not google.answers, "not all was asked for"
    return end, google, metrics


def permitting(
    quota: RateLimitRules, metrics: Metrics, voice_model: Any = CHIRP
) -> AbstractAsyncContextManager[Permit]:
    """A permit of a quota whose time stands still."""
    still = Clock(monotonic=lambda: 1000.0, now=lambda: NOW)
    queue = RateLimitQueue(RateLimits(quota), 0.25, metrics, still)
    queue.set_share(1.0)
    return Permits(queue, {}, metrics, still).acquire(voice_model, Lane.DIALOGUE, nullcontext, may_skip=False)


def calls(metrics: Metrics, code: str, voice_model: Any = CHIRP) -> float | None:
    return metrics.registry.get_sample_value("tts_google_calls_total", {"voice_model": voice_model, "code": code})


async def test_a_good_answer_is_spoken_and_told_in_the_entry() -> None:
    end, _, metrics = await attempt(GOOD)
    assert isinstance(end.outcome, Spoken)
    assert end.outcome.audio == GOOD
    assert end.outcome.duration_s == pytest.approx(1.5)
    entry = end.entry
    assert (entry.id, entry.voice_model, entry.voice) == ("attempt-1", CHIRP, "en-US-Chirp3-HD-Puck")
    assert (entry.result, entry.code, entry.failure_class, entry.message) == (AttemptResult.SUCCESS, "OK", None, None)
    assert (entry.calls, entry.seconds, entry.ended_at) == (1, 1.0, NOW)
    assert entry.billed_characters == len("Hello there, wanderer.")
    assert calls(metrics, "OK") == 1


@pytest.mark.parametrize("code", ["UNAVAILABLE", "INTERNAL", "ABORTED", "UNKNOWN", "CANCELLED"])
async def test_a_transient_status_is_retried_once_and_both_calls_are_told(code: str) -> None:
    end, _, metrics = await attempt(code, GOOD)
    assert isinstance(end.outcome, Spoken)
    assert end.entry.calls == 2
    assert end.entry.billed_characters == len("Hello there, wanderer.")
    assert (calls(metrics, code), calls(metrics, "OK")) == (1, 1)
    end, _, _ = await attempt(code, code)
    assert isinstance(end.outcome, Failure)
    assert (end.entry.calls, end.entry.billed_characters, end.entry.code) == (2, 0, code)
    assert end.entry.failure_class is FailureClass.TRANSIENT


@pytest.mark.parametrize(
    "code",
    [
        "INVALID_ARGUMENT",
        "NOT_FOUND",
        "RESOURCE_EXHAUSTED",
        "DEADLINE_EXCEEDED",
        "PERMISSION_DENIED",
        "UNAUTHENTICATED",
    ],
)
async def test_no_other_status_is_retried(code: str) -> None:
    end, _, metrics = await attempt(code)
    assert end.outcome == classify_failure(code, f"{code} it is")
    assert (end.entry.result, end.entry.calls, end.entry.message) == (AttemptResult.ERROR, 1, f"{code} it is")
    assert calls(metrics, code) == 1


@pytest.mark.parametrize("bad", [b"", b"garbage", GOOD[:-100], audio(AudioEncoding.MP3, 1.5)])
async def test_bad_audio_is_a_failure_that_is_not_retried_and_is_billed(bad: bytes) -> None:
    end, _, _ = await attempt(bad)
    assert isinstance(end.outcome, Failure)
    assert isinstance(end.outcome, Failure)
    assert end.outcome.failure_class is FailureClass.BAD_AUDIO
    assert (end.entry.code, end.entry.calls) == ("OK", 1)
    assert end.entry.billed_characters > 0


async def test_a_quick_retry_takes_from_the_quota_too_and_without_it_the_calls_own_failure_stands() -> None:
    end, _, _ = await attempt("UNAVAILABLE", quota=ONE_CALL)
    assert end.outcome == classify_failure("UNAVAILABLE", "UNAVAILABLE it is")
    assert end.entry.calls == 1


async def test_each_part_of_a_long_text_takes_from_the_quota() -> None:
    end, _, _ = await attempt(PART, quota=ONE_CALL, **LONG_JOB)
    assert isinstance(end.outcome, Failure)
    assert (end.outcome.failure_class, end.outcome.code) == (FailureClass.QUOTA, "NOT_CALLED")
    assert end.entry.calls == 1
    assert end.entry.billed_characters > 0


LONG = "The vault door opens at dawn, and nobody knows why. " * 150
PART = audio(AudioEncoding.LINEAR16, 240, 8000)
LONG_JOB = {"text": LONG, "audio": {"encoding": "LINEAR16", "sample_rate": 8000}}


async def test_a_long_text_is_spoken_in_parts_and_joined_in_the_encoding_asked_for() -> None:
    end, google, _ = await attempt(PART, "UNAVAILABLE", PART, **LONG_JOB)
    assert isinstance(end.outcome, Spoken)
    assert google.encodings == [AudioEncoding.LINEAR16] * 3
    assert end.outcome.duration_s == pytest.approx(480)
    assert (end.entry.calls, end.entry.billed_characters) == (3, len(LONG))
    assert read_duration(end.outcome.audio, AudioEncoding.LINEAR16, 8000) == pytest.approx(480)


@pytest.mark.parametrize("bad", [b"", b"garbage", PART[: len(PART) // 2]])
async def test_a_bad_part_of_a_long_text_is_bad_audio_and_no_crash(bad: bytes) -> None:
    end, _, _ = await attempt(PART, bad, **LONG_JOB)
    assert isinstance(end.outcome, Failure)
    assert end.outcome.failure_class is FailureClass.BAD_AUDIO


async def test_a_part_that_fails_ends_the_attempt_and_what_was_spoken_is_billed() -> None:
    end, _, _ = await attempt(PART, "INVALID_ARGUMENT", voice_model=WAVENET, **LONG_JOB)
    assert isinstance(end.outcome, Failure)
    assert end.entry.calls == 2
    assert 0 < end.entry.billed_characters < len(LONG)


class PartsGoogle:
    """Speaks each part for a given number of turns of the loop; counts the calls that are under way at once."""

    def __init__(self, **answers: str) -> None:
        self.answers = answers
        self.spoken: list[str] = []
        self.under_way = 0
        self.most = 0
        self.cancelled = 0
        self.hold = asyncio.Event()

    async def synthesize(self, entry: Any, rendered: Any, _encoding: AudioEncoding) -> bytes:
        index = rendered.inputs.index(entry)
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            if answer := self.answers.get(f"part_{index}"):
                raise CallFailedError(classify_failure(answer, "as told"))
            await self.hold.wait()
            # The later ones are done first.
            for _ in range(2 * (len(rendered.inputs) - index)):
                await asyncio.sleep(0)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.under_way -= 1
        self.spoken.append(entry.content)
        return audio(AudioEncoding.LINEAR16, 25 + index, 8000)


PARTS = 6
TELLING = " ".join(f"Sentence {number} of the broadcast." for number in range(900))


async def tell(google: PartsGoogle) -> AttemptEnd:
    """Speaks a line of `PARTS` parts."""
    attempter, line = telling(google)
    async with permitting(NO_LIMITS, Metrics(CollectorRegistry(), [])) as permit:
        return await attempter.attempt(line, permit)


def telling(google: PartsGoogle) -> tuple[Attempter, Any]:
    line = rendered_job(CHIRP, text=TELLING, audio={"encoding": "PCM", "sample_rate": 8000}, speaking_rate=2.0)
    line = replace(line, spoken_units=1000)
    assert len(line.inputs) == PARTS
    metrics = Metrics(CollectorRegistry(), ["pip_boy"])
    return Attempter(google, metrics, 0.0, Clock(now=lambda: NOW)), line


async def test_a_long_texts_parts_are_spoken_four_at_once_and_stand_in_their_order() -> None:
    google = PartsGoogle()
    google.hold.set()
    line = telling(google)[1]
    end = await tell(google)
    assert isinstance(end.outcome, Spoken)
    assert google.most == 4
    assert google.spoken != [entry.content for entry in line.inputs], "they were done in another order"
    assert end.outcome.duration_s == sum(25 + index for index in range(PARTS))
    boundary = 25 * 8000 * 2
    second = audio(AudioEncoding.PCM, 26, 8000)
    assert end.outcome.audio[boundary + 1000 : boundary + 2000] == second[1000:2000]
    assert (end.entry.calls, end.entry.billed_characters) == (PARTS, len(TELLING))


async def test_a_part_that_fails_ends_the_calls_for_the_others_and_begins_no_more() -> None:
    google = PartsGoogle(part_1="INVALID_ARGUMENT")
    end = await tell(google)
    assert isinstance(end.outcome, Failure)
    assert end.outcome.code == "INVALID_ARGUMENT"
    assert (google.under_way, google.spoken) == (0, [])
    assert end.entry.calls == google.cancelled + 1 <= 4
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0, "libraries would take that for the job's own cancellation"
    assert end.entry.billed_characters == 0


async def test_a_long_text_that_is_cancelled_leaves_no_call_behind() -> None:
    google = PartsGoogle()
    speaking = asyncio.create_task(tell(google))
    await loop_until(lambda: google.under_way == 4)
    speaking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await speaking
    assert (google.under_way, google.cancelled) == (0, 4)


async def test_of_parts_that_wait_for_quota_side_by_side_the_time_counts_once_and_not_as_the_attempts() -> None:
    google = PartsGoogle()
    google.hold.set()
    line = telling(google)[1]
    passed_s = 0.0

    def later(seconds: float, call: Callable[[], None]) -> asyncio.Handle:
        """Time passes while parts wait, and only then."""

        def pass_time() -> None:
            nonlocal passed_s
            passed_s += seconds
            call()

        return asyncio.get_running_loop().call_soon(pass_time)

    clock = Clock(monotonic=lambda: passed_s, now=lambda: NOW)
    metrics = Metrics(CollectorRegistry(), [])
    queue = RateLimitQueue(RateLimits(ONE_CALL), 0.25, metrics, clock, call_later=later)
    queue.set_share(1.0)
    attempter = Attempter(google, metrics, 0.0, clock)
    async with Permits(queue, {}, metrics, clock).acquire(CHIRP, Lane.BATCH, nullcontext, may_skip=False) as permit:
        end = await attempter.attempt(line, permit)
    assert isinstance(end.outcome, Spoken)
    assert end.entry.calls == PARTS
    # One at once, and then one every 60 / 42 s.
    assert passed_s == pytest.approx(5 * 60 / 42, rel=0.1)
    assert permit.waited_s == pytest.approx(passed_s)
    assert 0 <= end.entry.seconds <= passed_s


async def test_a_late_refusal_of_one_part_is_of_when_that_part_asked() -> None:
    class Told:
        """A permit of a batch job that records when refused requests were made; each request takes a second."""

        def __init__(self) -> None:
            self.now = 0.0
            self.refusals: list[float] = []

        async def take(self) -> None:
            self.now += 1

        def under_way(self, _: float) -> AbstractContextManager[None]:
            return nullcontext()

        def record_refusal(self, requested_at: float) -> bool:
            self.refusals.append(requested_at)
            return True

        def record(self, _: Any) -> None:
            pass

    class OneLate(PartsGoogle):
        """Refuses the first part's first call late, and the second part's at once."""

        def __init__(self) -> None:
            super().__init__()
            self.requested: frozenset[int] = frozenset()
            self.late = asyncio.Event()

        async def synthesize(self, entry: Any, rendered: Any, encoding: AudioEncoding) -> bytes:
            index = rendered.inputs.index(entry)
            first, self.requested = index not in self.requested, self.requested | {index}
            if first and index == 0:
                await self.late.wait()
            if first and index < 2:
                raise CallFailedError(classify_failure("RESOURCE_EXHAUSTED", "as told"))
            return await super().synthesize(entry, rendered, encoding)

    permit, google = Told(), OneLate()
    attempter, line = telling(google)
    reported: Any = permit
    speaking = asyncio.create_task(attempter.attempt(line, reported))
    # The second part asks again after the third and the fourth, and waits for its answer.
    await loop_until(lambda: google.under_way == 3)
    google.late.set()
    google.hold.set()
    end = await speaking
    assert isinstance(end.outcome, Spoken)
    assert permit.refusals == [2.0, 1.0]
