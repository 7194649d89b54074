"""Which windows and cells each comparison includes."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.attempts import BEGAN, CONTROL, FAILED, MINUTE, REVISION, WINDOW, attempt, count_attempts, measure
from tests.unit.rollout.analysis.test_stage_evaluation import plan_of
from worker.rollout.analysis.comparisons import Comparisons
from worker.rollout.analysis.measurements import Measurements
from worker.rollout.plan.conditions import Measure

ERRORS, SLOW = Measure.ERRORS_AGAINST_CONTROL, Measure.SLOW_AGAINST_CONTROL
WATCHED = {"step": [{"measure": ERRORS}, {"measure": SLOW}], "character": [{"measure": ERRORS}]}
PLAN = plan_of(roll_back=WATCHED, gates=[])


def comparing(*characters: str) -> Comparisons:
    return Comparisons(PLAN, PLAN.stages[0], characters)


def evidence(comparisons: Comparisons, measure: Measure = ERRORS, character: str | None = None) -> float:
    compared = comparisons.find(measure, character)
    assert compared is not None
    return compared.test.evidence


def regression(after: timedelta, character: str = "pip_boy") -> list:
    """A window in which Chirp alone fails."""
    chirp = [attempt(after + n % 5 * MINUTE, character=character, **FAILED) for n in range(10)]
    return chirp + [attempt(after + n % 5 * MINUTE, character=character, **CONTROL) for n in range(90)]


def test_a_measure_that_no_gate_or_rule_names_is_not_compared():
    comparisons = Comparisons(plan_of(), plan_of().stages[0], ["pip_boy"])
    comparisons.update(measure(*regression(MINUTE)), [], {})
    assert (comparisons.find(ERRORS, None), comparisons.find(ERRORS, "pip_boy")) == (None, None)


def test_a_character_is_compared_by_its_own_cells():
    comparisons = comparing("pip_boy", "ghoul")
    comparisons.update(measure(*regression(WINDOW, "ghoul"), until=2 * WINDOW), [], {})
    assert evidence(comparisons, character="ghoul") == evidence(comparisons) > 1_000
    # Two windows in which nothing happened.
    assert evidence(comparisons, character="pip_boy") == 2


def test_slow_attempts_are_compared_by_their_own_events():
    slow = [attempt(WINDOW, seconds=2.5) for _ in range(10)] + [attempt(WINDOW, **CONTROL) for _ in range(90)]
    comparisons = comparing()
    comparisons.update(measure(*slow, until=2 * WINDOW), [], {})
    assert evidence(comparisons, SLOW) > 1_000
    assert evidence(comparisons, ERRORS) == 2


def test_after_a_quarantine_the_evidence_starts_again_for_that_character_alone():
    readings, comparisons = measure(*regression(WINDOW), until=2 * WINDOW), comparing("pip_boy")
    comparisons.update(readings, [], {})
    of_all = evidence(comparisons)
    readings.settle(BEGAN + 6 * WINDOW)
    comparisons.update(readings, [], {"pip_boy": BEGAN + 4 * WINDOW})
    assert evidence(comparisons, character="pip_boy") == 2
    assert evidence(comparisons) > of_all


def test_a_character_that_is_included_by_hand_is_compared_too():
    comparisons = comparing("pip_boy")
    readings = measure(*regression(3 * WINDOW, "ghoul"), until=2 * WINDOW)
    comparisons.update(readings, ["pip_boy"], {})
    alone = comparisons.threshold("pip_boy")
    assert comparisons.find(ERRORS, "ghoul") is None
    readings.settle(BEGAN + 4 * WINDOW)
    comparisons.update(readings, ["ghoul", "pip_boy"], {})
    assert evidence(comparisons, character="ghoul") == evidence(comparisons) > 1_000
    # Four windows in which nothing happened.
    assert evidence(comparisons, character="pip_boy") == 4
    assert comparisons.threshold("ghoul") == comparisons.threshold("pip_boy") == 2 * alone


def test_the_minutes_of_a_window_are_one_cell():
    # In cells of a minute each of these would have one arm alone, and say nothing.
    attempts = [attempt(n * MINUTE, **FAILED) for n in (0, 1)] + [attempt(n * MINUTE, **CONTROL) for n in (2, 3, 4)]
    comparisons = comparing()
    comparisons.update(measure(*attempts, until=WINDOW), [], {})
    assert evidence(comparisons) > 2


@given(
    st.lists(st.tuples(st.integers(0, 59), st.booleans(), st.booleans()), max_size=60),
    st.lists(st.integers(0, 60), max_size=6),
)
def test_windows_added_one_by_one_give_the_same_evidence_as_added_at_once(attempts, looks):
    ledger = count_attempts(
        *(
            attempt(minute * MINUTE, **(CONTROL if control else {}), **({"failure": FAILED["failure"]} if bad else {}))
            for minute, control, bad in attempts
        )
    )
    by_and_by, at_once = comparing("pip_boy"), comparing("pip_boy")
    readings = Measurements(ledger, BEGAN, REVISION, WINDOW)
    for look in [*sorted(looks), 60]:
        readings.settle(BEGAN + look * MINUTE)
        by_and_by.update(readings, [], {})
    at_once.update(readings, [], {})
    for character in (None, "pip_boy"):
        assert evidence(by_and_by, character=character) == pytest.approx(evidence(at_once, character=character))
