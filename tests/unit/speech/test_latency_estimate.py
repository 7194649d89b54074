"""What an attempt is likely to take is learnt from the last ones."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.makers import CHIRP, WAVENET
from worker.speech.latency_estimate import LatencyEstimate


def test_after_too_few_attempts_nothing_is_said() -> None:
    pace = LatencyEstimate()
    for _ in range(4):
        pace.observe(CHIRP, 50, 1.0)
    assert pace.expected_s(CHIRP, 50) is None
    pace.observe(CHIRP, 50, 1.0)
    assert pace.expected_s(CHIRP, 50) == pytest.approx(1.0)
    assert pace.expected_s(WAVENET, 50) is None


def test_a_longer_line_takes_longer() -> None:
    pace = LatencyEstimate()
    for number in range(20):
        characters = 20 + 10 * number
        pace.observe(CHIRP, characters, 0.2 + 0.01 * characters)
    assert pace.expected_s(CHIRP, 50) == pytest.approx(0.7)
    assert pace.expected_s(CHIRP, 1000) == pytest.approx(10.2)


def test_what_has_changed_is_believed_within_some_dozens_of_attempts() -> None:
    pace = LatencyEstimate()
    for seconds in [1.0] * 500 + [4.0] * 60:
        pace.observe(CHIRP, 50, seconds)
    assert pace.expected_s(CHIRP, 50) == pytest.approx(4.0, rel=0.05)


@given(
    st.lists(st.tuples(st.integers(1, 50_000), st.floats(0, 60)), min_size=5, max_size=100),
    st.integers(1, 50_000),
    st.integers(1, 50_000),
)
def test_it_is_never_below_zero_and_never_less_for_a_longer_line(
    attempts: list[tuple[int, float]], one: int, other: int
) -> None:
    pace = LatencyEstimate()
    for characters, seconds in attempts:
        pace.observe(CHIRP, characters, seconds)
    short, long = pace.expected_s(CHIRP, min(one, other)), pace.expected_s(CHIRP, max(one, other))
    assert short is not None
    assert long is not None
    assert 0 <= short <= long
