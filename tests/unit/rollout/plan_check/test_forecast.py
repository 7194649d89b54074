"""Forecasts of a plan: attempts, cost and the time until a breach is detected, against the bounds themselves."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.makers import CATALOGUE
from worker.rollout.analysis.confidence import wilson_lower, wilson_upper
from worker.rollout.plan.file import read_plan_file
from worker.rollout.plan.model import Plan
from worker.rollout.plan.parser import parse_plan
from worker.rollout.plan.rehearsal import rehearse
from worker.rollout.plan.settings import Expects
from worker.rollout.plan.units import DAY
from worker.rollout.plan_check.detection import rule_detections, windows_until_alarm
from worker.rollout.plan_check.forecast import attempts_to_pass, forecast_stage, job_shares

NAMES = CATALOGUE.names
RATIOS = (1.5, 2.0, 3.0, 5.0, 10.0, 25.0)
PRODUCTION = parse_plan(read_plan_file("production")[1], "production", NAMES).plan
TEN, FIFTY, HUNDRED = PRODUCTION.stages


def test_a_stage_makes_its_share_of_the_new_takes() -> None:
    comes = forecast_stage(PRODUCTION, FIFTY, NAMES)
    assert comes.attempts_a_day == pytest.approx(60_000 * 0.7 * 0.5)
    assert comes.control_a_day == pytest.approx(comes.attempts_a_day)
    assert sum(comes.by_character.values()) == pytest.approx(comes.attempts_a_day)
    assert comes.peak_a_minute == pytest.approx(60_000 * 0.7 * 0.5 * 3 / 1_440)


def test_the_cost_is_of_the_characters_beyond_the_free_tier() -> None:
    million = 60_000 * 0.7 * 80 * 30 / 1e6
    assert forecast_stage(PRODUCTION, HUNDRED, NAMES).dollars_a_month == pytest.approx((million - 1) * 30)
    assert forecast_stage(PRODUCTION, TEN, NAMES).dollars_a_month == pytest.approx(
        (million * 0.1 - 1) * 30 + (million * 0.9 - 4) * 4
    )


@given(st.dictionaries(st.sampled_from(sorted(NAMES)), st.floats(0.001, 0.07), max_size=len(NAMES) - 1))
def test_the_shares_of_all_characters_add_up_to_one(given_: dict[str, float]) -> None:
    assert sum(job_shares(Expects(shares=given_), NAMES).values()) == pytest.approx(1)


def test_a_day_in_a_rehearsal_brings_the_same_attempts_in_less_time() -> None:
    minute = timedelta(minutes=1)
    short = forecast_stage(rehearse(PRODUCTION, minute), TEN, NAMES, day=minute)
    assert short.attempts_a_day == forecast_stage(PRODUCTION, TEN, NAMES).attempts_a_day
    assert short.peak_a_minute == pytest.approx(forecast_stage(PRODUCTION, TEN, NAMES).peak_a_minute * 1_440)


def test_the_attempts_that_a_gate_needs_are_those_of_its_bound() -> None:
    gate = PRODUCTION.gates[0].model_copy(update={"min_sample": 1})
    for rate in (0.0, 0.02):
        needed = attempts_to_pass(PRODUCTION, TEN, gate, rate)
        assert needed is not None
        assert wilson_upper(0, 52, 1.645) < 0.05 <= wilson_upper(0, 51, 1.645)
        assert needed == {0.0: 52, 0.02: 143}[rate]
    assert attempts_to_pass(PRODUCTION, TEN, gate, 0.05) is None


def test_twelve_percent_above_a_limit_of_ten_takes_about_1500_attempts_to_detect() -> None:
    slight, clear, half = rule_detections(PRODUCTION, HUNDRED, "at_once", PRODUCTION.roll_back.at_once[0], NAMES)
    assert slight.attempts is not None
    assert 1_450 < slight.attempts < 1_550
    assert wilson_lower(round(0.12 * slight.attempts) + 1, slight.attempts, 2.58) > 0.10
    assert [slight.is_detected, clear.is_detected, half.is_detected] == [True, True, True]
    assert not next(
        iter(rule_detections(PRODUCTION, TEN, "at_once", PRODUCTION.roll_back.at_once[0], NAMES))
    ).is_detected


def test_a_step_rule_needs_its_attempts_within_the_short_window() -> None:
    rule = PRODUCTION.roll_back.at_once[0].model_copy(update={"last": None})
    at_once = list(rule_detections(PRODUCTION, TEN, "at_once", rule, NAMES))
    step = list(rule_detections(PRODUCTION, TEN, "step", rule, NAMES))
    assert [each.window for each in (at_once[0], step[0])] == [PRODUCTION.windows.long, PRODUCTION.windows.short]
    assert at_once[1].is_detected
    assert not step[1].is_detected
    # Over its last attempts it needs no window: 20 % takes 60 of them.
    for last, is_detected in ((59, False), (60, True)):
        over_last = rule.model_copy(update={"last": last})
        assert list(rule_detections(PRODUCTION, TEN, "step", over_last, NAMES))[1].is_detected is is_detected


@pytest.mark.parametrize(
    ("chirp", "control", "rate", "median", "most"),
    [(20, 180, 0.04, 69, 132), (20, 180, 0.07, 18, 31), (20, 180, 0.12, 7, 12), (20, 180, 0.5, 1, 2),
     (5, 45, 0.12, 26, 48), (2, 12, 0.12, 70, 128), (2, 12, 0.5, 10, 17)],
)  # fmt: skip
def test_a_comparison_is_expected_to_alarm_when_simulations_did(
    chirp: int, control: int, rate: float, median: int, most: int
) -> None:
    windows = windows_until_alarm(chirp, control, rate, RATIOS, 2_016 / 0.01)
    assert windows is not None
    assert median <= windows <= most


def test_no_comparison_ever_alarms_for_a_healthy_system_or_without_a_control() -> None:
    assert windows_until_alarm(20, 180, 0.02, RATIOS, 201_600) is None
    assert windows_until_alarm(20, 0, 0.5, RATIOS, 201_600) is None
    found = rule_detections(PRODUCTION, HUNDRED, "step", PRODUCTION.roll_back.step[1], NAMES)
    assert not any(each.is_detected for each in found)


def test_a_disabled_stage_makes_no_attempts() -> None:
    off = TEN.model_copy(update={"enabled": False})
    comes = forecast_stage(Plan.model_validate(PRODUCTION.model_copy(update={"stages": (off,)})), off, NAMES)
    assert (comes.attempts_a_day, comes.rarest, comes.peak_a_minute) == (0, None, 0)
    assert forecast_stage(PRODUCTION, TEN, NAMES).rarest in NAMES
    assert forecast_stage(PRODUCTION, TEN, NAMES, day=DAY).needed == 143
