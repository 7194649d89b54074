"""The drawn traffic: as much as its trace says, and no Chirp for jobs that must not get it."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.enums import DecisionReason, VoiceModel
from tests.unit.makers import CATALOGUE
from tests.unit.rollout.analysis.test_stage_evaluation import plan_of
from worker.rollout.analysis.durations import duration_bucket
from worker.rollout.analysis.tally import CellKey, Tally
from worker.rollout.simulation.trace import Trace
from worker.rollout.simulation.traffic import BEGIN, Traffic, duration_buckets
from worker.rollout.state import RolloutState

NAMES = CATALOGUE.names
CHIRP, WAVENET = VoiceModel.CHIRP3_HD, VoiceModel.WAVENET
STEP = timedelta(minutes=5)
ON = RolloutState(enabled=True, percentage=2_500, characters=None, revision=3)


def trace(**fields: Any) -> Trace:
    return Trace.model_validate({"version": 1, "name": "t", "lasts": "1d", "jobs_a_day": 288 * 200, **fields})


def drawn(of: Trace, state: RolloutState = ON, steps: int = 288, seed: int = 1) -> dict[CellKey, Tally]:
    traffic, sums = Traffic(of, plan_of(), NAMES, seed), {}
    for number in range(steps):
        for key, tally in traffic.draw_step(BEGIN + number * STEP, STEP, state):
            sums.setdefault(key, Tally()).merge(tally)
    return sums


def total(sums: dict[CellKey, Tally], **of: Any) -> Tally:
    found = Tally()
    for key, tally in sums.items():
        if all(getattr(key, name) == value for name, value in of.items()):
            found.merge(tally)
    return found


def near(count: int, expected: float) -> bool:
    """Within five standard deviations of a Poisson count."""
    return abs(count - expected) < 5 * expected**0.5


@given(st.lists(st.floats(0, 60) | st.integers(0, 600).map(lambda tenths: tenths / 10), max_size=20))
def test_the_buckets_of_many_durations_are_those_of_each(seconds: list[float]) -> None:
    assert duration_buckets(np.array(seconds, dtype=float)).tolist() == [duration_bucket(each) for each in seconds]


def test_a_day_has_the_traffic_of_its_trace() -> None:
    models = {"chirp3-hd": {"errors": 0.1, "seconds": 2, "falls_back": 0.5}, "wavenet": {"errors": 0.05, "hits": 0.3}}
    sums = drawn(trace(models=models))
    chirp, control = total(sums, voice_model=CHIRP), total(sums, voice_model=WAVENET, decided=WAVENET)
    assert near(chirp.attempts, 14_400)
    assert near(chirp.errors, 1_440)
    assert near(chirp.fallbacks, 720)
    assert chirp.seconds / chirp.attempts == pytest.approx(2, rel=0.05)
    assert chirp.billed == (chirp.attempts - chirp.errors) * 80
    assert near(control.attempts, 43_200 * 0.7)
    assert near(control.cached, 43_200 * 0.3)
    assert near(control.errors, 43_200 * 0.7 * 0.05)
    fell = total(sums, voice_model=WAVENET, decided=CHIRP)
    assert fell.attempts == chirp.fallbacks
    assert total(sums, first=False).attempts == fell.attempts
    assert all(sum(tally.times.counts.values()) == tally.attempts for tally in sums.values())


def test_characters_lengths_and_the_hours_have_their_shares() -> None:
    of = trace(shares={"ghoul": 0.5}, lengths={30: 3, 300: 1}, peak=2)
    sums = drawn(of)
    assert near(total(sums, character="ghoul").attempts, 28_800)
    assert near(total(sums, band=0).attempts, 43_200)
    assert near(total(sums, band=2).attempts, 14_400)
    by_hour = Counter()
    traffic = Traffic(of, plan_of(), NAMES, 1)
    for hour in (6, 18):
        for number in range(12):
            for _, tally in traffic.draw_step(BEGIN + timedelta(hours=hour) + number * STEP, STEP, ON):
                by_hour[hour] += tally.attempts
    assert by_hour[6] < 60
    assert near(by_hour[18], 4_800)


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        (replace(ON, enabled=False), DecisionReason.DISABLED),
        (replace(ON, excluded=frozenset({"ghoul"})), DecisionReason.EXCLUDED),
        (replace(ON, quarantined={"ghoul": BEGIN + timedelta(days=2)}), DecisionReason.EXCLUDED),
        (replace(ON, characters=frozenset({"raider"})), DecisionReason.NOT_LISTED),
    ],
)
def test_characters_without_chirp_make_no_attempts_of_it_and_are_no_control(
    state: RolloutState, reason: DecisionReason
) -> None:
    sums = drawn(trace(), state, steps=12)
    assert {key.reason for key in sums if key.character == "ghoul"} == {reason}
    assert total(sums, character="ghoul", voice_model=CHIRP).attempts == 0


def test_a_quarantine_ends_by_itself() -> None:
    state = replace(ON, quarantined={"ghoul": BEGIN + 6 * STEP})
    assert total(drawn(trace(), state, steps=6), character="ghoul", voice_model=CHIRP).attempts == 0
    assert total(drawn(trace(), state, steps=60), character="ghoul", voice_model=CHIRP).attempts > 0


def test_at_a_hundred_percent_nobody_is_left_outside_and_without_fallback_nobody_falls_back() -> None:
    sums = drawn(trace(), replace(ON, percentage=10_000, fallback=False), steps=12)
    assert {key.reason for key in sums} == {DecisionReason.IN_ROLLOUT}
    assert total(sums).fallbacks == total(sums, voice_model=WAVENET).attempts == 0


def test_a_shift_applies_from_its_begin() -> None:
    of = trace(shifts=[{"at": "1h", "voice_model": "chirp3-hd", "errors": 1}, {"at": "2h", "jobs": 0}])
    assert total(drawn(of, steps=12), voice_model=CHIRP).errors < 60
    later = drawn(of, steps=24)
    assert near(total(later, voice_model=CHIRP).errors, 600)
    assert total(drawn(of, steps=48)).attempts == total(later).attempts


def test_a_seed_draws_the_same_again_and_another_seed_does_not() -> None:
    assert drawn(trace(), steps=3) == drawn(trace(), steps=3)
    assert drawn(trace(), steps=3) != drawn(trace(), steps=3, seed=2)
