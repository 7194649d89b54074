from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from schemas.enums import DecisionReason, VoiceModel
from tests.unit.attempts import (
    BEGAN,
    CONTROL,
    FAILED,
    FALLBACK,
    MINUTE,
    REVISION,
    WINDOW,
    attempt,
    count_attempts,
    measure,
)
from worker.rollout.analysis.measurements import Measurements

HOUR = timedelta(hours=1)


def test_the_chirp_arm_is_chirps_attempts_that_the_percentage_decided():
    readings = measure(
        attempt(),
        attempt(first=False),
        attempt(reason=DecisionReason.FORCED),
        attempt(**CONTROL),
        attempt(**FALLBACK),
    )
    assert readings.chirp(BEGAN, BEGAN + HOUR).attempts == 2


def test_the_control_arm_is_outside_the_percentage_and_never_a_fallback():
    readings = measure(
        attempt(**CONTROL),
        attempt(**CONTROL, first=False),
        attempt(**FALLBACK),
        attempt(**{**CONTROL, "reason": DecisionReason.EXCLUDED}),
    )
    assert readings.control(BEGAN, BEGAN + HOUR).attempts == 1


def test_attempts_of_an_older_revision_do_not_belong_to_the_stage():
    readings = measure(attempt(revision=REVISION - 1, **FAILED), attempt())
    assert readings.chirp(BEGAN, BEGAN + HOUR).errors == 0
    assert readings.jobs(BEGAN, BEGAN + HOUR, None).attempts == 1


def test_attempts_in_unsettled_time_are_not_measured():
    readings = measure(attempt(MINUTE), attempt(30 * MINUTE), until=10 * MINUTE)
    assert readings.chirp(BEGAN, BEGAN + HOUR).attempts == 1
    readings.settle(BEGAN + 40 * MINUTE)
    assert readings.chirp(BEGAN, BEGAN + HOUR).attempts == 2


def test_an_attempt_counts_for_its_character_and_for_all():
    readings = measure(attempt(character="ghoul", **FAILED), attempt())
    assert readings.chirp(BEGAN, BEGAN + HOUR, "ghoul").errors == 1
    assert readings.chirp(BEGAN, BEGAN + HOUR, "pip_boy").errors == 0
    assert readings.chirp(BEGAN, BEGAN + HOUR).errors == 1


def test_a_window_of_the_comparison_has_both_arms_of_each_cell():
    readings = measure(attempt(MINUTE, **FAILED), attempt(MINUTE, **CONTROL), attempt(6 * MINUTE), until=WINDOW * 2)
    (first, pairs), (second, later) = readings.windows(BEGAN)
    assert (first, second) == (BEGAN + WINDOW, BEGAN + 2 * WINDOW)
    ((character, chirp, control),) = pairs
    assert (character, chirp.errors, control.attempts) == ("pip_boy", 1, 1)
    assert [each.control.attempts for each in later] == [0]


def test_empty_windows_are_included():
    assert len(list(measure(until=HOUR).windows(BEGAN))) == 12
    assert len(list(measure(until=HOUR).windows(BEGAN + 30 * MINUTE))) == 6


def test_a_late_attempt_is_a_change_and_is_measured():
    readings = measure(attempt(MINUTE))
    assert readings.chirp(BEGAN, BEGAN + HOUR).errors == 0
    before = readings.changes
    readings._counts.add(attempt(2 * MINUTE, **FAILED), 1, BEGAN + HOUR)
    readings.settle(BEGAN + HOUR)
    assert readings.changes > before
    assert readings.chirp(BEGAN, BEGAN + HOUR).errors == 1


def test_cache_hits_count_for_the_model_of_the_stored_take():
    readings = measure(attempt(cached=True), attempt(), attempt(**CONTROL))
    looked_up = readings.lookups(VoiceModel.CHIRP3_HD, BEGAN, BEGAN + HOUR)
    assert (looked_up.cached, looked_up.attempts) == (1, 1)


def test_jobs_that_a_hand_brake_decided_are_counted():
    braked = {**CONTROL, "reason": DecisionReason.BRAKED, "revision": 0}
    assert measure(attempt(**braked)).braked(BEGAN, BEGAN + HOUR) == 1


@given(
    st.lists(st.tuples(st.integers(0, 59), st.booleans()), max_size=40),
    st.lists(st.integers(1, 60), min_size=1, max_size=5),
)
def test_cached_sums_equal_fresh_sums(attempts, looks):
    made = [attempt(minute * MINUTE, **(FAILED if failed else {})) for minute, failed in attempts]
    readings = measure(*made, until=timedelta(0))
    for look in sorted(looks):
        readings.settle(BEGAN + look * MINUTE)
        tally = readings.chirp(BEGAN, BEGAN + HOUR)
        expected = [failed for minute, failed in attempts if minute < look]
        assert (tally.attempts, tally.errors) == (len(expected), sum(expected))
        for start in (look - 5, look // 2):
            part = readings.chirp(BEGAN + start * MINUTE, BEGAN + look * MINUTE)
            assert part.attempts == sum(max(0, start) <= minute < look for minute, _ in attempts)


def test_measurements_begin_with_the_stage():
    readings = Measurements(measure()._counts, BEGAN, REVISION, WINDOW)
    assert readings.until == BEGAN
    assert list(readings.windows(BEGAN)) == []


def test_the_last_attempts_begin_where_so_many_have_ended_since():
    # Ten in minute 1, five in minute 20, one of another character in minute 30, and WaveNet's.
    of_pip_boy = [attempt(MINUTE) for _ in range(10)] + [attempt(20 * MINUTE) for _ in range(5)]
    other = [attempt(30 * MINUTE, character="ghoul"), *(attempt(40 * MINUTE, **CONTROL) for _ in range(9))]
    old = [attempt(50 * MINUTE, revision=REVISION - 1)]
    readings = measure(*of_pip_boy, *other, *old)
    starts = {count: (readings.start_of_last(count) - BEGAN) / MINUTE for count in (1, 2, 6, 7, 15, 16, 17, 999)}
    assert starts == {1: 30, 2: 20, 6: 20, 7: 1, 15: 1, 16: 1, 17: 0, 999: 0}
    assert readings.start_of_last(5, "pip_boy") == BEGAN + 20 * MINUTE
    assert readings.start_of_last(6, "pip_boy") == BEGAN + MINUTE
    assert readings.start_of_last(1, "raider") == BEGAN


@given(st.lists(st.integers(0, 59), max_size=60), st.lists(st.integers(0, 60), max_size=4), st.integers(1, 30))
def test_the_last_attempts_are_the_fewest_minutes_that_hold_so_many(minutes, looks, count):
    ledger = count_attempts(*(attempt(minute * MINUTE) for minute in minutes))
    readings = Measurements(ledger, BEGAN, REVISION, WINDOW)
    for look in sorted(looks):
        readings.settle(BEGAN + look * MINUTE)
        start = readings.start_of_last(count)
        settled = readings.until
        held = readings.chirp(start, settled).attempts
        assert held >= count or start == BEGAN
        assert readings.chirp(start + MINUTE, settled).attempts < count


def test_a_late_attempt_is_among_the_last_ones():
    ledger = count_attempts(*(attempt(MINUTE) for _ in range(3)))
    readings = Measurements(ledger, BEGAN, REVISION, WINDOW)
    readings.settle(BEGAN + 30 * MINUTE)
    assert readings.start_of_last(2) == BEGAN + MINUTE
    late = [attempt(20 * MINUTE) for _ in range(2)]
    for each in late:
        ledger.add(each, 1, BEGAN + 31 * MINUTE)
    readings.settle(BEGAN + 31 * MINUTE)
    assert readings.start_of_last(2) == BEGAN + 20 * MINUTE
