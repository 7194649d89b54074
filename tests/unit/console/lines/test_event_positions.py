"""An event's id says where a stream is, in any process; anything else is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.console.lines.event_positions import event_id, parse_event_id

OFFSETS = st.integers(0, 2**63 - 1)


@given(st.lists(OFFSETS, min_size=1, max_size=20), st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp"))))
def test_an_id_is_read_as_it_was_written(offsets: list[int], ce_id: str) -> None:
    positions = dict(enumerate(offsets))
    assert parse_event_id(event_id(positions, ce_id)) == positions


def test_an_id_has_all_partitions_and_the_events_own_id() -> None:
    assert event_id({2: 7, 0: 104}, "3f9a") == "104.0.7:3f9a"


@pytest.mark.parametrize("wrong", ["", ":", "3f9a", "1", "1.:a", ".1:a", "-1:a", "1 :a", "٣:a", f"{2**63}:a", "9" * 20])
def test_what_is_no_id_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match="allowed is the id of an event"):
        parse_event_id(wrong)
