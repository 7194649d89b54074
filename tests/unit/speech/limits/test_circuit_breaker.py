"""A circuit opens when too many attempts fail, is probed by single jobs and closes when they work."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.speech.limits.circuit_breaker import AdmittedAttempt, CircuitBreaker, CircuitBreakerRules, CircuitState

RULES = CircuitBreakerRules(share=0.5, window_s=10.0, minimum=10, cool_down_s=5.0)
CLOSED, HALF_OPEN, OPEN = CircuitState.CLOSED, CircuitState.HALF_OPEN, CircuitState.OPEN


def admitted(circuit: CircuitBreaker, now: float) -> AdmittedAttempt:
    admission = circuit.admit(now)
    assert admission is not None
    return admission


def end(circuit: CircuitBreaker, now: float, *, failed: bool | None, times: int = 1, at_once: bool = False) -> None:
    for _ in range(times):
        circuit.record(admitted(circuit, now), now, failed=failed, at_once=at_once)


def opened(now: float = 0.0) -> CircuitBreaker:
    circuit = CircuitBreaker(RULES)
    end(circuit, now, failed=True, times=10)
    assert circuit.state(now) is OPEN
    return circuit


def test_it_opens_on_the_share_of_failures_and_not_before_the_minimum() -> None:
    circuit = CircuitBreaker(RULES)
    end(circuit, 0.0, failed=True, times=9)
    assert circuit.state(0.0) is CLOSED
    end(circuit, 0.0, failed=True)
    assert circuit.state(0.0) is OPEN
    circuit = CircuitBreaker(RULES)
    end(circuit, 0.0, failed=False, times=20)
    end(circuit, 0.0, failed=True, times=19)
    assert circuit.state(0.0) is CLOSED
    end(circuit, 0.0, failed=True)
    assert circuit.state(0.0) is OPEN


def test_what_is_older_than_the_window_no_longer_counts() -> None:
    circuit = CircuitBreaker(RULES)
    end(circuit, 0.0, failed=False, times=100)
    end(circuit, 10.0, failed=True, times=9)
    assert circuit.state(10.0) is CLOSED
    end(circuit, 10.0, failed=True)
    assert circuit.state(10.0) is OPEN


def test_what_says_nothing_of_the_voice_model_never_counts_and_a_success_opens_nothing() -> None:
    circuit = CircuitBreaker(RULES)
    end(circuit, 0.0, failed=None, times=100)
    end(circuit, 0.0, failed=True, times=9)
    end(circuit, 0.0, failed=None, times=100)
    assert circuit.state(0.0) is CLOSED
    end(circuit, 0.0, failed=False, at_once=True)
    assert circuit.state(0.0) is CLOSED


def test_one_failure_opens_it_at_once_where_one_is_enough() -> None:
    circuit = CircuitBreaker(RULES)
    end(circuit, 0.0, failed=True, at_once=True)
    assert circuit.state(0.0) is OPEN


def test_while_it_is_open_nobody_asks_and_after_the_cool_down_one_job_does() -> None:
    circuit = opened()
    assert circuit.refuses(4.9)
    assert circuit.admit(4.9) is None
    assert circuit.state(5.0) is HALF_OPEN
    assert not circuit.refuses(5.0)
    admitted(circuit, 5.0)
    assert circuit.admit(5.0) is None
    assert circuit.state(5.1) is HALF_OPEN


def test_a_probe_that_fails_begins_the_cool_down_anew() -> None:
    circuit = opened()
    probe = admitted(circuit, 5.0)
    circuit.record(probe, 6.0, failed=True)
    assert circuit.state(10.9) is OPEN
    assert circuit.admit(10.9) is None
    admitted(circuit, 11.0)


def test_three_probes_that_work_one_after_the_other_close_it() -> None:
    circuit = opened()
    for now in (5.0, 5.3, 5.6):
        assert circuit.state(now) is HALF_OPEN
        probe = admitted(circuit, now)
        assert circuit.admit(now) is None, "one at a time"
        circuit.record(probe, now + 0.2, failed=False)
    assert circuit.state(5.8) is CLOSED
    end(circuit, 5.8, failed=True, times=9)
    assert circuit.state(5.8) is CLOSED, "what was counted before is forgotten"


def test_a_probe_that_hangs_or_was_lost_holds_up_the_next_no_longer_than_a_cool_down() -> None:
    circuit = opened()
    hangs = admitted(circuit, 5.0)
    for now in (10.0, 10.3, 10.6):
        circuit.record(admitted(circuit, now), now + 0.2, failed=False)
    assert circuit.state(10.8) is CLOSED
    circuit.record(hangs, 12.0, failed=True)
    assert circuit.state(12.0) is CLOSED


def test_a_probe_that_says_nothing_lets_another_go_at_once() -> None:
    circuit = opened()
    circuit.record(admitted(circuit, 5.0), 5.1, failed=None)
    admitted(circuit, 5.1)


def test_what_was_asked_before_it_opened_neither_closes_it_nor_keeps_it_open() -> None:
    circuit = CircuitBreaker(RULES)
    before = [admitted(circuit, 0.0) for _ in range(5)]
    end(circuit, 0.0, failed=True, times=10)
    for each in before:
        circuit.record(each, 4.0, failed=False)
    assert circuit.state(4.0) is OPEN
    circuit.record(admitted(circuit, 5.0), 5.1, failed=False)
    for each in before:
        circuit.record(each, 5.2, failed=True)
    admitted(circuit, 5.2)


@pytest.mark.parametrize(
    ("succeeded", "failed", "state"),
    # The minimum of ten attempts: one below, at, one above; then the share of one half.
    [
        (0, 9, CLOSED),
        (0, 10, OPEN),
        (0, 11, OPEN),
        (4, 5, CLOSED),
        (5, 5, OPEN),
        (6, 5, CLOSED),
        (6, 6, OPEN),
        (51, 50, CLOSED),
        (50, 50, OPEN),
    ],
)
def test_it_opens_at_the_minimum_and_at_the_share(succeeded: int, failed: int, state: CircuitState) -> None:
    circuit = CircuitBreaker(RULES)
    end(circuit, 0.0, failed=False, times=succeeded)
    for _ in range(failed):
        if circuit.state(0.0) is CLOSED:
            end(circuit, 0.0, failed=True)
    assert circuit.state(0.0) is state


# A window of ten seconds: a failure that is as old as that no longer counts.
@pytest.mark.parametrize(("now", "state"), [(9.9, OPEN), (10.0, CLOSED), (10.1, CLOSED)])
def test_failures_count_for_less_than_the_window(now: float, state: CircuitState) -> None:
    circuit = CircuitBreaker(RULES)
    end(circuit, 0.0, failed=True)
    end(circuit, now, failed=True, times=9)
    assert circuit.state(now) is state


def test_failures_that_have_left_the_window_count_for_nothing() -> None:
    circuit = CircuitBreaker(RULES)
    end(circuit, 0.0, failed=False, times=5)
    end(circuit, 0.0, failed=True, times=4)
    end(circuit, 10.0, failed=False, times=9)
    end(circuit, 10.0, failed=True)
    assert circuit.state(10.0) is CLOSED, "one of ten"


def test_successes_leave_the_window_too_and_only_what_is_old() -> None:
    circuit = CircuitBreaker(RULES)
    end(circuit, 0.0, failed=False, times=5)
    end(circuit, 5.0, failed=True, times=4)
    end(circuit, 10.0, failed=False, times=5)
    assert circuit.state(10.0) is CLOSED, "four of nine"
    end(circuit, 10.0, failed=True)
    assert circuit.state(10.0) is OPEN, "five of ten"


@pytest.mark.parametrize(
    ("now", "state", "refuses"), [(4.9, OPEN, True), (5.0, HALF_OPEN, False), (5.1, HALF_OPEN, False)]
)
def test_the_first_probe_is_due_after_the_cool_down(now: float, state: CircuitState, *, refuses: bool) -> None:
    circuit = opened()
    assert (circuit.state(now), circuit.refuses(now)) == (state, refuses)
    assert (circuit.admit(now) is None) is refuses


@pytest.mark.parametrize(("now", "refuses"), [(9.9, True), (10.0, False), (10.1, False)])
def test_while_a_probe_is_under_way_the_next_is_due_after_a_cool_down(now: float, *, refuses: bool) -> None:
    circuit = opened()
    admitted(circuit, 5.0)
    assert circuit.state(9.9) is HALF_OPEN
    assert circuit.refuses(now) is refuses


@pytest.mark.parametrize(("failed", "state"), [(True, OPEN), (None, HALF_OPEN), (False, HALF_OPEN)])
def test_the_state_after_a_probe(failed: bool | None, state: CircuitState) -> None:
    circuit = opened()
    circuit.record(admitted(circuit, 5.0), 6.0, failed=failed)
    assert circuit.state(6.0) is state
    assert circuit.refuses(6.0) is bool(failed)


@pytest.mark.parametrize(("probes", "state"), [(2, HALF_OPEN), (3, CLOSED)])
def test_so_many_probes_in_a_row_close_it(probes: int, state: CircuitState) -> None:
    circuit = opened()
    # A probe that fails after two that succeeded begins anew, and one that says nothing doesn't count.
    for now, failed in ((5.0, False), (5.1, False), (5.2, True), (10.2, None), (10.3, None), (10.4, None)):
        circuit.record(admitted(circuit, now), now, failed=failed)
    for _ in range(probes):
        circuit.record(admitted(circuit, 11.0), 11.0, failed=False)
    assert circuit.state(11.0) is state


@pytest.mark.parametrize(("failed", "state"), [(True, OPEN), (False, CLOSED), (None, CLOSED)])
def test_only_a_failure_opens_it_at_once(failed: bool | None, state: CircuitState) -> None:
    circuit = CircuitBreaker(RULES)
    end(circuit, 0.0, failed=failed, at_once=True)
    assert circuit.state(0.0) is state


def test_an_ordinary_failure_does_not_open_it_at_once() -> None:
    circuit = CircuitBreaker(RULES)
    circuit.record(admitted(circuit, 0.0), 0.0, failed=True)
    assert circuit.state(0.0) is CLOSED


def test_after_it_has_closed_it_opens_again_by_the_same_rules() -> None:
    circuit = opened()
    for now in (5.0, 5.1, 5.2):
        circuit.record(admitted(circuit, now), now, failed=False)
    end(circuit, 6.0, failed=True, times=10)
    assert (circuit.state(6.0), circuit.refuses(10.9), circuit.refuses(11.0)) == (OPEN, True, False)
    for _ in range(2):
        circuit.record(admitted(circuit, 11.0), 11.0, failed=False)
    assert circuit.state(11.0) is HALF_OPEN, "probes of the time before don't count"


def test_the_states_are_the_metrics_numbers() -> None:
    assert [int(state) for state in (CLOSED, HALF_OPEN, OPEN)] == [0, 1, 2]


@given(st.lists(st.tuples(st.floats(0, 4), st.booleans()), min_size=1, max_size=200))
def test_a_dead_voice_model_is_asked_once_a_cool_down_and_one_that_is_back_is_believed(
    steps: list[tuple[float, bool]],
) -> None:
    circuit, now, requested = opened(), 0.0, []
    for after, lost in steps:
        now += after
        if (probe := circuit.admit(now)) is not None:
            requested.append(now)
            if not lost:
                circuit.record(probe, now, failed=True)
    assert all(later >= earlier + RULES.cool_down_s for earlier, later in pairwise(requested))
    for _ in range(3):
        now = max(now, now + RULES.cool_down_s if circuit.refuses(now) else now)
        circuit.record(admitted(circuit, now), now, failed=False)
    assert circuit.state(now) is CLOSED
