"""Complaints in gates and rules: rates by completions, and Chirp against the control by what players report."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from schemas.enums import FailureClass
from tests.unit.attempts import BEGAN, CONTROL, FALLBACK, MINUTE, REVISION, WINDOW, attempt, count_attempts
from tests.unit.rollout.analysis.test_evaluate import criterion, evaluate
from tests.unit.rollout.analysis.test_stage_evaluation import plan_of
from worker.rollout.analysis.attempt_counts import AttemptCounts, cell_key
from worker.rollout.analysis.comparisons import Comparisons
from worker.rollout.analysis.complaint_windows import ComplaintWindows, HeardPair
from worker.rollout.analysis.evaluate import evaluate_comparison
from worker.rollout.analysis.measurements import Measurements
from worker.rollout.analysis.observations import Observation
from worker.rollout.analysis.tally import Tally
from worker.rollout.analysis.verdict import Status, Use
from worker.rollout.plan.conditions import Measure

COMPLAINTS = Measure.COMPLAINTS_AGAINST_CONTROL
PLAN = plan_of(roll_back={"step": [{"measure": COMPLAINTS}], "character": [{"measure": COMPLAINTS}]}, gates=[])
FAILED = {"failure": FailureClass.TRANSIENT}


def heard(completions: int, complaints: int = 0, complainers: int = 0) -> Tally:
    """A third of the completions are stored takes; as many attempts failed, which nobody heard."""
    cached = completions // 3
    failed = completions
    return Tally(
        attempts=completions - cached + failed,
        errors=failed,
        cached=cached,
        complaints=complaints,
        complainers=complainers,
    )


def complain(
    counts: AttemptCounts, about: Observation, after: timedelta, times: int = 1, first: int | None = None
) -> None:
    for number in range(times):
        counts.add_complaint(
            BEGAN + after,
            cell_key(about, 1),
            counts.step_at(about.ended_at),
            is_first_of_user=first is None or number < first,
        )


def compared(counts: AttemptCounts, until: timedelta, *characters: str, **updates: Any) -> Comparisons:
    measurements = Measurements(counts, BEGAN, REVISION, WINDOW)
    measurements.settle(BEGAN + until)
    comparisons = Comparisons(PLAN, PLAN.stages[0], characters or ("pip_boy",))
    comparisons.update(measurements, [], updates)
    return comparisons


def traffic(after: timedelta, chirp: int = 10, control: int = 90, **fields: Any) -> list[Observation]:
    return [
        *(attempt(after, **fields) for _ in range(chirp)),
        *(attempt(after, **{**fields, **CONTROL}) for _ in range(control)),
    ]


@pytest.mark.parametrize(
    ("use", "complaints", "status"),
    [
        # Of 10,000: Wilson's upper bound is below 1 % up to 83, its lower bound above 1 % from 126 on.
        ("gate", 83, Status.PASS), ("gate", 84, Status.HOLD), ("gate", 125, Status.HOLD), ("gate", 126, Status.FAIL),
        ("at_once", 83, Status.PASS), ("at_once", 125, Status.HOLD), ("at_once", 126, Status.FAIL),
    ],
)  # fmt: skip
def test_a_complaint_rate_is_the_share_of_completions(use: Use, complaints: int, status: Status) -> None:
    verdict = evaluate(criterion("complaint_rate", 0.01, use=use), heard(10_000, 9_999, complaints))
    assert verdict.status is status
    assert (verdict.value, verdict.sample) == (complaints / 10_000, 10_000)
    assert "% of 10,000 were complained about, at" in verdict.message


def test_a_character_s_rate_counts_a_user_once_for_the_character() -> None:
    of_character = criterion("complaint_rate", 0.01, use="character")
    of_ghoul = type(of_character)(**{**vars(of_character), "character": "ghoul"})
    assert evaluate(of_ghoul, heard(10_000, 128, 0)).status is Status.FAIL
    assert evaluate(of_character, heard(10_000, 128, 0)).status is Status.PASS


def test_late_complaints_about_a_window_before_are_at_most_all_of_its_completions() -> None:
    verdict = evaluate(criterion("complaint_rate", 0.01, use="at_once"), heard(9, 20, 20))
    assert (verdict.status, verdict.value) == (Status.FAIL, 1.0)


def test_below_its_minimum_sample_it_speaks_of_completions() -> None:
    assert evaluate(criterion("complaint_rate", 0.01, sample=100), heard(99)).message == "99 of 100 completions needed"


@pytest.mark.parametrize(("policy", "status"), [("hold", Status.HOLD), ("roll_back", Status.FAIL)])
def test_players_who_complain_about_both_models_hold_if_the_rule_says_so(policy: str, status: Status) -> None:
    rule = criterion("complaint_rate", 0.01, use="at_once", when_control_fails=policy)
    verdict = evaluate(rule, heard(1_000, 0, 40), heard(1_000, 0, 40))
    assert verdict.status is status
    assert verdict.message.endswith("WaveNet is complained about as much: 4.00% of 1,000")
    # WaveNet's errors say nothing about complaints.
    assert evaluate(rule, heard(1_000, 0, 40), Tally(attempts=1_000, errors=40)).status is Status.FAIL


def test_complaints_are_compared_by_chirp_s_share_of_the_completions_of_their_window() -> None:
    chirp, *_ = lines = traffic(MINUTE, 10, 90)
    counts = count_attempts(*lines)
    complain(counts, chirp, 2 * MINUTE, 3)
    complain(counts, lines[-1], 2 * MINUTE, 2)
    found = compared(counts, 2 * WINDOW).find(COMPLAINTS, None)
    assert found is not None
    totals = found.totals
    assert (totals.chirp, totals.control, totals.chirp_events, totals.control_events) == (10, 90, 3, 2)
    assert totals.expected == pytest.approx(5 * 0.1)


def test_a_complaint_that_comes_later_is_held_against_the_completions_of_its_line_s_window() -> None:
    """An hour later all lines are Chirp's: that the complaint is about Chirp would say nothing."""
    chirp, *_ = lines = traffic(MINUTE, 10, 90)
    counts = count_attempts(*lines, *traffic(60 * MINUTE, 50, 0))
    complain(counts, chirp, 61 * MINUTE, 4)
    comparisons = compared(counts, 70 * MINUTE)
    found = comparisons.find(COMPLAINTS, None)
    assert found is not None
    assert found.totals.expected == pytest.approx(4 * 0.1)
    assert (found.totals.chirp, found.totals.control) == (60, 90)
    assert found.test.evidence > 1_000
    # Until then nothing had happened.
    before = compared(counts, 60 * MINUTE).find(COMPLAINTS, None)
    assert before is not None
    assert before.totals.chirp_events == 0


def test_stored_takes_are_heard_and_failed_attempts_are_not() -> None:
    stored = [attempt(MINUTE, cached=True, seconds=0.0, billed=0) for _ in range(3)]
    failed = [attempt(MINUTE, **FAILED) for _ in range(5)]
    found = compared(count_attempts(*stored, *failed, *traffic(MINUTE, 0, 2)), 2 * WINDOW).find(COMPLAINTS, None)
    assert found is not None
    assert (found.totals.chirp, found.totals.control) == (3, 2)


@pytest.mark.parametrize("fields", [FALLBACK, {"revision": REVISION - 1}])
def test_lines_of_neither_arm_and_of_earlier_stages_don_t_count(fields: dict[str, Any]) -> None:
    other = attempt(MINUTE, **fields)
    counts = count_attempts(other, *traffic(MINUTE))
    complain(counts, other, 2 * MINUTE, 50)
    found = compared(counts, 2 * WINDOW).find(COMPLAINTS, None)
    assert found is not None
    assert found.totals.chirp_events + found.totals.control_events == 0


def test_all_characters_count_each_user_once_and_a_character_counts_its_own() -> None:
    lines = traffic(MINUTE), traffic(MINUTE, character="ghoul")
    counts = count_attempts(*lines[0], *lines[1])
    complain(counts, lines[0][0], 2 * MINUTE, 1)
    complain(counts, lines[1][0], 2 * MINUTE, 4, first=0)
    comparisons = compared(counts, 2 * WINDOW, "pip_boy", "ghoul")
    events = {
        name: found.totals.chirp_events
        for name in (None, "pip_boy", "ghoul")
        if (found := comparisons.find(COMPLAINTS, name)) is not None
    }
    assert events == {None: 1, "pip_boy": 1, "ghoul": 4}


def test_a_complaint_about_a_completion_that_came_too_late_is_no_evidence() -> None:
    counts = count_attempts(*traffic(MINUTE, 0, 90))
    complain(counts, attempt(MINUTE), 2 * MINUTE, 9)
    found = compared(counts, 2 * WINDOW).find(COMPLAINTS, None)
    assert found is not None
    assert found.totals.chirp_events == 0
    assert found.test.evidence == 2


def test_a_window_adds_up_its_steps_of_both_arms() -> None:
    lines = [*traffic(0 * MINUTE, 1, 2), *traffic(4 * MINUTE, 10, 20)]
    counts = count_attempts(*lines, *traffic(5 * MINUTE, 7, 0), attempt(0 * MINUTE, revision=REVISION - 1))
    about = lines[0], lines[-1], lines[3]
    for after in (5 * MINUTE, 9 * MINUTE):
        for each, times, first in zip(about, (1, 3, 5), (1, 2, 4), strict=True):
            complain(counts, each, after, times, first)
    complain(counts, lines[0], 10 * MINUTE, 50)
    windows = ComplaintWindows(counts, REVISION, WINDOW // MINUTE)
    for _ in range(2):
        assert windows.heard(BEGAN + WINDOW) == [HeardPair("pip_boy", (11, 22), (0, 0), (0, 0))]
        assert windows.heard(BEGAN + 2 * WINDOW) == [HeardPair("pip_boy", (7, 0))]
        assert windows.complaints(BEGAN + WINDOW) == []
        assert windows.complaints(BEGAN + 2 * WINDOW) == [HeardPair("pip_boy", (11, 22), (12, 6), (10, 4))]
        windows.clear()


def test_a_step_that_changed_is_added_up_anew_after_clear_and_not_before() -> None:
    counts = count_attempts(*traffic(MINUTE, 3, 4))
    windows = ComplaintWindows(counts, REVISION, WINDOW // MINUTE)
    assert windows.heard(BEGAN + WINDOW) == [HeardPair("pip_boy", (3, 4))]
    counts.add(attempt(MINUTE), 1, BEGAN + MINUTE)
    assert windows.heard(BEGAN + WINDOW) == [HeardPair("pip_boy", (3, 4))]
    windows.clear()
    assert windows.heard(BEGAN + WINDOW) == [HeardPair("pip_boy", (4, 4))]


def test_of_more_than_a_day_of_windows_the_oldest_is_added_up_anew() -> None:
    counts = count_attempts(*traffic(MINUTE, 3, 4))
    windows = ComplaintWindows(counts, REVISION, WINDOW // MINUTE)
    windows.heard(BEGAN + WINDOW)
    counts.add(attempt(MINUTE), 1, BEGAN + MINUTE)
    for number in range(2, 289):
        assert windows.heard(BEGAN + number * WINDOW) == []
    assert windows.heard(BEGAN + WINDOW) == [HeardPair("pip_boy", (3, 4))]
    assert windows.heard(BEGAN + 289 * WINDOW) == []
    assert windows.heard(BEGAN + WINDOW) == [HeardPair("pip_boy", (4, 4))]


def test_windows_without_complaints_count_as_windows() -> None:
    found = compared(count_attempts(*traffic(MINUTE)), 3 * WINDOW).find(COMPLAINTS, "pip_boy")
    assert found is not None
    assert (found.test.evidence, found.totals.windows) == (3, 3)


def test_its_sentences_speak_of_completions_and_complaints() -> None:
    chirp, *_ = lines = traffic(MINUTE, 100, 100)
    counts = count_attempts(*lines)
    complain(counts, chirp, 2 * MINUTE, 40)
    found = compared(counts, WINDOW).find(COMPLAINTS, None)
    rule = criterion(COMPLAINTS, use="step")
    verdict = evaluate_comparison(rule, found, 100.0)
    assert verdict.status is Status.FAIL
    assert verdict.message.startswith("Chirp is worse than WaveNet: 40 of its 100 were complained about in the last ")
    nothing = compared(count_attempts(), WINDOW).find(COMPLAINTS, None)
    assert evaluate_comparison(rule, nothing, 100.0).message == "Chirp has no completions yet"
    alone = compared(count_attempts(*traffic(MINUTE, 5, 0)), WINDOW).find(COMPLAINTS, None)
    assert evaluate_comparison(rule, alone, 100.0).message == (
        "no control: WaveNet has no completions to compare Chirp's 5 with"
    )
