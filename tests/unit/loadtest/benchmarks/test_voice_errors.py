"""How much of a line was heard wrong."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtest.benchmarks.voices.errors import distance, units

WORDS = st.lists(st.sampled_from("abc"), max_size=8)


@pytest.mark.parametrize(
    ("said", "heard", "errors"),
    [
        ("kitten", "sitting", 3),
        ("abc", "abc", 0),
        ("abc", "", 3),
        ("", "abc", 3),
        ("abc", "acb", 2),
        ("abcd", "bcd", 1),
    ],
)
def test_errors_are_the_fewest_changes(said: str, heard: str, errors: int) -> None:
    assert distance(said, heard) == errors


@given(WORDS, WORDS, WORDS)
def test_it_is_a_distance(one: list[str], other: list[str], third: list[str]) -> None:
    assert (distance(one, other) == 0) == (one == other)
    assert distance(one, other) == distance(other, one)
    assert distance(one, third) <= distance(one, other) + distance(other, third)
    assert abs(len(one) - len(other)) <= distance(one, other) <= max(len(one), len(other))


def test_case_marks_and_script_make_no_error() -> None:
    assert units("Don’t go, Dr. Li!", "en") == ["don't", "go", "dr", "li"]
    assert units("早安！今天的輻射值偏低。", "cmn") == list("早安今天的辐射值偏低")
