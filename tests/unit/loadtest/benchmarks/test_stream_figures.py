"""The table of streams: what counts is the time after Google's first audio; and the lines that it is measured on."""

from __future__ import annotations

import io

from rich.console import Console

from loadtest.benchmarks.stream.clients import line_of
from loadtest.benchmarks.stream.figures import Heard, Way, streams_table


def way(*after_s: float) -> Way:
    return Way("HTTP", 50, after_s, [Heard("x", 100.0, 100.25, 101.5) for _ in after_s])


def test_each_way_has_its_time_after_google_and_that_of_the_whole_take() -> None:
    console = Console(width=120, record=True, file=io.StringIO())
    console.print(streams_table([way(0.010, 0.012, 0.050)]))
    rows = [line.replace("│", " ").split() for line in console.export_text().splitlines() if "│" in line]
    assert rows == [["HTTP", "50", "3", "12.0", "50.0", "50.0", "0.25", "1.50"]]


def test_the_goal_is_forty_milliseconds_for_the_median() -> None:
    assert way(0.040, 0.040, 0.9).is_met
    assert not way(0.001, 0.041, 0.041).is_met


def test_lines_have_their_length_and_none_is_like_another() -> None:
    for characters in (50, 1000):
        lines = [line_of(number, characters) for number in range(300)]
        assert {len(each) for each in lines} == {characters}
        assert len(set(lines)) == 300
