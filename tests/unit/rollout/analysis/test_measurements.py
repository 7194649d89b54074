from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from schemas.words import DecisionReason, VoiceModel
from tests.unit.attempts import BEGAN, CONTROL, FAILED, FALLBACK, MINUTE, REVISION, WINDOW, attempt, readings_of
from worker.rollout.analysis.measurements import Measurements

HOUR = timedelta(hours=1)


def test_chirp_is_what_the_percentage_decided_and_chirp_spoke():
    readings = readings_of(
        attempt(),
        attempt(first=False),
        attempt(reason=DecisionReason.FORCED),
        attempt(**CONTROL),
        attempt(**FALLBACK),
    )
    assert readings.chirp(BEGAN, BEGAN + HOUR).attempts == 2


def test_the_control_is_what_the_percentage_left_outside_and_never_a_fallback():
    readings = readings_of(
        attempt(**CONTROL),
        attempt(**CONTROL, first=False),
        attempt(**FALLBACK),
        attempt(**{**CONTROL, "reason": DecisionReason.EXCLUDED}),
    )
    assert readings.control(BEGAN, BEGAN + HOUR).attempts == 1


def test_what_an_older_revision_decided_is_not_the_stages():
    readings = readings_of(attempt(revision=REVISION - 1, **FAILED), attempt())
    assert readings.chirp(BEGAN, BEGAN + HOUR).errors == 0
    assert readings.jobs(BEGAN, BEGAN + HOUR, None).attempts == 1


def test_what_is_not_settled_is_not_judged():
    readings = readings_of(attempt(MINUTE), attempt(30 * MINUTE), until=10 * MINUTE)
    assert readings.chirp(BEGAN, BEGAN + HOUR).attempts == 1
    readings.settle(BEGAN + 40 * MINUTE)
    assert readings.chirp(BEGAN, BEGAN + HOUR).attempts == 2


def test_a_character_is_counted_by_itself_and_in_all():
    readings = readings_of(attempt(character="ghoul", **FAILED), attempt())
    assert readings.chirp(BEGAN, BEGAN + HOUR, "ghoul").errors == 1
    assert readings.chirp(BEGAN, BEGAN + HOUR, "pip_boy").errors == 0
    assert readings.chirp(BEGAN, BEGAN + HOUR).errors == 1


def test_a_window_of_the_comparison_has_both_arms_of_each_cell():
    readings = readings_of(attempt(MINUTE, **FAILED), attempt(MINUTE, **CONTROL), attempt(6 * MINUTE), until=WINDOW * 2)
    (first, pairs), (second, later) = readings.windows(BEGAN)
    assert (first, second) == (BEGAN + WINDOW, BEGAN + 2 * WINDOW)
    ((character, chirp, control),) = pairs
    assert (character, chirp.errors, control.attempts) == ("pip_boy", 1, 1)
    assert [each.control.attempts for each in later] == [0]


def test_empty_windows_come_too():
    assert len(list(readings_of(until=HOUR).windows(BEGAN))) == 12
    assert len(list(readings_of(until=HOUR).windows(BEGAN + 30 * MINUTE))) == 6


def test_a_late_attempt_changes_what_was_said_and_is_told():
    readings = readings_of(attempt(MINUTE))
    assert readings.chirp(BEGAN, BEGAN + HOUR).errors == 0
    before = readings.changes
    readings._counts.add(attempt(2 * MINUTE, **FAILED), 1, BEGAN + HOUR)
    readings.settle(BEGAN + HOUR)
    assert readings.changes > before
    assert readings.chirp(BEGAN, BEGAN + HOUR).errors == 1


def test_hits_are_of_the_model_whose_take_was_stored():
    readings = readings_of(attempt(cached=True), attempt(), attempt(**CONTROL))
    looked_up = readings.lookups(VoiceModel.CHIRP3_HD, BEGAN, BEGAN + HOUR)
    assert (looked_up.cached, looked_up.attempts) == (1, 1)


def test_a_workers_hand_brake_is_seen():
    braked = {**CONTROL, "reason": DecisionReason.BRAKED, "revision": 0}
    assert readings_of(attempt(**braked)).braked(BEGAN, BEGAN + HOUR) == 1


@given(
    st.lists(st.tuples(st.integers(0, 59), st.booleans()), max_size=40),
    st.lists(st.integers(1, 60), min_size=1, max_size=5),
)
def test_sums_that_are_kept_equal_sums_made_anew(attempts, looks):
    made = [attempt(minute * MINUTE, **(FAILED if failed else {})) for minute, failed in attempts]
    readings = readings_of(*made, until=timedelta(0))
    for look in sorted(looks):
        readings.settle(BEGAN + look * MINUTE)
        tally = readings.chirp(BEGAN, BEGAN + HOUR)
        expected = [failed for minute, failed in attempts if minute < look]
        assert (tally.attempts, tally.errors) == (len(expected), sum(expected))
        for start in (look - 5, look // 2):
            part = readings.chirp(BEGAN + start * MINUTE, BEGAN + look * MINUTE)
            assert part.attempts == sum(max(0, start) <= minute < look for minute, _ in attempts)


def test_readings_begin_with_the_stage():
    readings = Measurements(readings_of()._counts, BEGAN, REVISION, WINDOW)
    assert readings.until == BEGAN
    assert list(readings.windows(BEGAN)) == []
