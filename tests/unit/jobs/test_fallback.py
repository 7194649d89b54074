"""Which failures WaveNet answers for, which jobs may skip an open circuit, and which lines would be late."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import timedelta

import pytest

from schemas.enums import DecisionReason, Lane, VoiceModel
from tests.unit.makers import CHIRP, WAVENET, job, rendered_job
from tests.unit.world import NOW
from worker.jobs.early_fallback import is_wavenet_faster, would_be_late
from worker.jobs.fallback import FallbackPolicy
from worker.jobs.progress import Progress
from worker.rollout.decision import Decision
from worker.speech.failures import Failure, classify_failure
from worker.speech.latency_estimate import LatencyEstimate

DENIED, TIMEOUT = classify_failure("PERMISSION_DENIED", ""), classify_failure("DEADLINE_EXCEEDED", "")
MISSING = classify_failure("INVALID_ARGUMENT", "Voice 'en-US-Wavenet-Z' does not exist. Is it misspelled?")


FREE = FallbackPolicy(enabled=True, forced=False)
MODEL = FallbackPolicy(enabled=True, forced=True)
VOICE = FallbackPolicy(enabled=True, forced=True, names_voice=True)
OFF = FallbackPolicy(enabled=False, forced=False)
OFF_AND_FORCED = FallbackPolicy(enabled=False, forced=True)


@pytest.mark.parametrize(
    ("policy", "voice_model", "failure", "falls_back"),
    [
        (FREE, CHIRP, TIMEOUT, True),
        (FREE, CHIRP, DENIED, True),
        (FREE, CHIRP, MISSING, True),
        (MODEL, CHIRP, TIMEOUT, True),
        (MODEL, CHIRP, DENIED, False),
        (MODEL, CHIRP, MISSING, True),
        (VOICE, CHIRP, TIMEOUT, True),
        (VOICE, CHIRP, DENIED, False),
        (VOICE, CHIRP, MISSING, False),
        (OFF, CHIRP, TIMEOUT, False),
        (OFF_AND_FORCED, CHIRP, TIMEOUT, False),
        (FREE, WAVENET, TIMEOUT, False),
        (MODEL, WAVENET, TIMEOUT, False),
        (VOICE, WAVENET, MISSING, False),
    ],
)
def test_which_failures_wavenet_answers_for(
    policy: FallbackPolicy, voice_model: VoiceModel, failure: Failure, falls_back: bool
) -> None:
    assert policy.falls_back(voice_model, failure) is falls_back


@pytest.mark.parametrize(
    ("enabled", "forced", "voice_model", "may_skip"),
    [
        (True, False, CHIRP, True),
        (True, True, CHIRP, False),
        (False, False, CHIRP, False),
        (False, True, CHIRP, False),
        (True, False, WAVENET, False),
    ],
)
def test_which_jobs_may_skip_an_open_circuit(
    enabled: bool,
    forced: bool,
    voice_model: VoiceModel,
    may_skip: bool,
) -> None:
    assert FallbackPolicy(enabled=enabled, forced=forced).may_skip(voice_model) is may_skip


def learnt(chirp_s: float, wavenet_s: float | None = None) -> LatencyEstimate:
    latency = LatencyEstimate()
    for _ in range(10):
        latency.observe(CHIRP, 20, chirp_s)
        if wavenet_s is not None:
            latency.observe(WAVENET, 20, wavenet_s)
    return latency


def on_its_way(
    deadline_s: float | None, lane: Lane = Lane.DIALOGUE, *, enabled: bool = True, forced: bool = False
) -> Progress:
    deadline = None if deadline_s is None else (NOW + timedelta(seconds=deadline_s)).isoformat()
    decision = Decision(CHIRP, DecisionReason.IN_ROLLOUT, 0, 1, 100.0)
    policy = FallbackPolicy(enabled=enabled, forced=forced)
    return Progress(job(deadline=deadline), lane, decision, policy, 0.0, NOW, 0.0, nullcontext)


@pytest.mark.parametrize(("deadline_s", "late"), [(2.9, True), (3.0, False), (3.1, False), (None, False)])
def test_a_line_would_be_late_if_the_attempt_likely_takes_longer_than_is_left(
    deadline_s: float | None,
    late: bool,
) -> None:
    assert would_be_late(on_its_way(deadline_s), rendered_job(CHIRP), learnt(3.0), NOW) is late


def test_a_line_is_late_for_nobody_in_batch_without_a_fallback_or_without_an_estimate() -> None:
    line, latency = rendered_job(CHIRP), learnt(3.0)
    assert not would_be_late(on_its_way(1.0, Lane.BATCH), line, latency, NOW)
    assert not would_be_late(on_its_way(1.0, enabled=False), line, latency, NOW)
    assert not would_be_late(on_its_way(1.0, forced=True), line, latency, NOW)
    assert not would_be_late(on_its_way(1.0), rendered_job(WAVENET), learnt(3.0, 3.0), NOW)
    assert not would_be_late(on_its_way(1.0), line, LatencyEstimate(), NOW)


@pytest.mark.parametrize(("wavenet_s", "faster"), [(2.9, True), (3.0, False), (3.1, False), (None, False)])
def test_wavenet_is_faster_if_its_attempts_likely_take_less(
    wavenet_s: float | None,
    faster: bool,
) -> None:
    assert is_wavenet_faster(rendered_job(CHIRP), learnt(3.0, wavenet_s)) is faster


def test_wavenet_is_not_faster_than_what_is_unknown() -> None:
    latency = LatencyEstimate()
    for _ in range(10):
        latency.observe(WAVENET, 20, 0.1)
    assert not is_wavenet_faster(rendered_job(CHIRP), latency)
