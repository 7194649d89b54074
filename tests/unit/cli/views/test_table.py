"""Tables are read by people: numbers without exponents, and words that aren't broken while they fit."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from worker.cli.terminal import table_of
from worker.cli.views.table import cell_text, column_widths


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (True, "yes"),
        (False, "no"),
        (7, "7"),
        (0.0, "0"),
        (-0.0, "0"),
        (3.6e-05, "0.000036"),
        (3.4222916666666667, "3.422292"),
        (2304560.125, "2,304,560.125"),
        ("1e-05", "1e-05"),
    ],
)
def test_a_value_is_written_for_people(value: object, text: str) -> None:
    assert cell_text(value) == text


COLUMNS = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), min_size=1, max_size=8)


@given(COLUMNS, st.integers(1, 200))
def test_columns_give_way_down_to_their_longest_words_and_no_further(
    columns: Iterable[tuple[int, int]], room: int
) -> None:
    natural = [max(pair) for pair in columns]
    least = [min(pair) for pair in columns]
    widths = column_widths(natural, least, room)
    if sum(natural) <= room or sum(least) > room:
        assert widths is None
        return
    assert widths is not None
    assert sum(widths) == room
    assert all(low <= width <= high for low, width, high in zip(least, widths, natural, strict=True))


def test_a_name_stays_whole_where_a_sentence_beside_it_can_be_broken() -> None:
    row = {"character": "brotherhood_paladin", "voice model": "chirp3-hd", "because": "outside 3, in_rollout 1, " * 3}
    console = Console(width=60)
    with console.capture() as captured:
        console.print(table_of([row], console.width))
    printed = captured.get()
    assert max(map(len, printed.splitlines())) <= 60
    assert "brotherhood_paladin" in printed
    assert printed.split().count("in_rollout") == 3
