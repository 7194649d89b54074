"""One attempt: its quick retry, what it costs, and that nothing that Google does makes it raise."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from schemas.words import AttemptResult, AudioEncoding, FailureClass
from tests.unit.makers import CHIRP, WAVENET, audio, rendered_job
from worker.clock import Clock
from worker.observability.metrics import Metrics
from worker.speech.attempt import AttemptEnd, Attempter
from worker.speech.audio import duration_of
from worker.speech.failures import Failure, failure_of
from worker.speech.google import CallFailed

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
            raise CallFailed(failure_of(answer, f"{answer} it is"))
        return answer


async def attempt(
    *answers: bytes | str, voice_model: Any = CHIRP, **changes: Any
) -> tuple[AttemptEnd, ScriptedGoogle, Metrics]:
    google = ScriptedGoogle(*answers)
    metrics = Metrics(CollectorRegistry(), ["pip_boy"])
    ticks = iter(range(100))
    clock = Clock(monotonic=lambda: float(next(ticks)), now=lambda: NOW)
    attempter = Attempter(google, metrics, 0.0, clock, new_id=lambda: "attempt-1")
    end = await attempter.attempt(rendered_job(voice_model, **{**WAV, **changes}))
    assert not google.answers, "not all was asked for"
    return end, google, metrics


def calls(metrics: Metrics, code: str, voice_model: Any = CHIRP) -> float | None:
    return metrics.registry.get_sample_value("tts_google_calls_total", {"voice_model": voice_model, "code": code})


async def test_a_good_answer_is_spoken_and_told_in_the_entry() -> None:
    end, _, metrics = await attempt(GOOD)
    assert end.spoken is not None
    assert end.spoken.audio == GOOD
    assert end.spoken.duration_s == pytest.approx(1.5)
    assert end.failure is None
    entry = end.entry
    assert (entry.id, entry.voice_model, entry.voice) == ("attempt-1", CHIRP, "en-US-Chirp3-HD-Puck")
    assert (entry.result, entry.code, entry.failure_class, entry.message) == (AttemptResult.SUCCESS, "OK", None, None)
    assert (entry.calls, entry.seconds, entry.ended_at) == (1, 1.0, NOW)
    assert entry.billed_characters == len("Hello there, wanderer.")
    assert calls(metrics, "OK") == 1


@pytest.mark.parametrize("code", ["UNAVAILABLE", "INTERNAL", "ABORTED"])
async def test_a_transient_status_is_retried_once_and_both_calls_are_told(code: str) -> None:
    end, _, metrics = await attempt(code, GOOD)
    assert end.failure is None
    assert end.entry.calls == 2
    assert end.entry.billed_characters == len("Hello there, wanderer.")
    assert (calls(metrics, code), calls(metrics, "OK")) == (1, 1)
    end, _, _ = await attempt(code, code)
    assert end.spoken is None
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
    assert end.failure == failure_of(code, f"{code} it is")
    assert (end.entry.result, end.entry.calls, end.entry.message) == (AttemptResult.ERROR, 1, f"{code} it is")
    assert calls(metrics, code) == 1


@pytest.mark.parametrize("bad", [b"", b"garbage", GOOD[:-100], audio(AudioEncoding.MP3, 1.5)])
async def test_bad_audio_is_a_failure_that_is_not_retried_and_is_billed(bad: bytes) -> None:
    end, _, _ = await attempt(bad)
    assert end.spoken is None
    assert end.failure is not None
    assert end.failure.failure_class is FailureClass.BAD_AUDIO
    assert (end.entry.code, end.entry.calls) == ("OK", 1)
    assert end.entry.billed_characters > 0


LONG = "The vault door opens at dawn, and nobody knows why. " * 150
PART = audio(AudioEncoding.LINEAR16, 240, 8000)
LONG_JOB = {"text": LONG, "audio": {"encoding": "LINEAR16", "sample_rate": 8000}}


async def test_a_long_text_is_spoken_in_parts_and_joined_in_the_encoding_asked_for() -> None:
    end, google, _ = await attempt(PART, "UNAVAILABLE", PART, **LONG_JOB)
    assert end.spoken is not None
    assert google.encodings == [AudioEncoding.LINEAR16] * 3
    assert end.spoken.duration_s == pytest.approx(480)
    assert (end.entry.calls, end.entry.billed_characters) == (3, len(LONG))
    assert duration_of(end.spoken.audio, AudioEncoding.LINEAR16, 8000) == pytest.approx(480)


@pytest.mark.parametrize("bad", [b"", b"garbage", PART[: len(PART) // 2]])
async def test_a_bad_part_of_a_long_text_is_bad_audio_and_no_crash(bad: bytes) -> None:
    end, _, _ = await attempt(PART, bad, **LONG_JOB)
    assert end.failure is not None
    assert end.failure.failure_class is FailureClass.BAD_AUDIO


async def test_a_part_that_fails_ends_the_attempt_and_what_was_spoken_is_billed() -> None:
    end, _, _ = await attempt(PART, "INVALID_ARGUMENT", voice_model=WAVENET, **LONG_JOB)
    assert isinstance(end.failure, Failure)
    assert end.entry.calls == 2
    assert 0 < end.entry.billed_characters < len(LONG)
