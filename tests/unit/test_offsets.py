"""What may be committed is below all that is unfinished, in whatever order jobs finish."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from worker.kafka.offsets import OffsetTracker


@st.composite
def histories(draw: st.DrawFn) -> tuple[int, list[tuple[str, int]]]:
    """A position and a history: offsets come in order with gaps, and finish in any order once they came."""
    start = draw(st.integers(0, 2**40))
    gaps = draw(st.lists(st.integers(0, 50), max_size=40))
    events: list[tuple[str, int]] = []
    open_offsets: list[int] = []
    offset = start
    for gap in gaps:
        offset += gap
        events.append(("received", offset))
        open_offsets.append(offset)
        offset += 1
        for _ in range(draw(st.integers(0, 3))):
            if open_offsets:
                index = draw(st.integers(0, len(open_offsets) - 1))
                events.append(("done", open_offsets.pop(index)))
    if draw(st.booleans()):
        events += [("done", left) for left in draw(st.permutations(open_offsets))]
    return start, events


@settings(max_examples=200, deadline=None)
@given(histories())
def test_what_is_committable_is_the_lowest_unfinished_offset_or_the_position_at_any_moment(
    history: tuple[int, list[tuple[str, int]]],
) -> None:
    start, events = history
    tracker = OffsetTracker(start)
    received: list[int] = []
    finished: set[int] = set()
    before = start
    for kind, offset in events:
        if kind == "received":
            tracker.received(offset, timestamp_ms=offset * 10)
            received.append(offset)
        else:
            tracker.done(offset)
            finished.add(offset)
        unfinished = [offset for offset in received if offset not in finished]
        position = received[-1] + 1
        assert tracker.position == position
        assert tracker.committable == min(unfinished, default=position)
        assert tracker.committable >= before, "what is committed never goes back"
        before = tracker.committable
        assert tracker.outstanding == len(unfinished)
        assert tracker.done_above == sum(offset > tracker.committable for offset in finished)
        assert tracker.oldest_timestamp_ms == (min(unfinished) * 10 if unfinished else None)


def test_with_nothing_received_the_position_is_committable() -> None:
    tracker = OffsetTracker(7)
    assert (tracker.committable, tracker.position, tracker.outstanding) == (7, 7, 0)
    assert tracker.oldest_timestamp_ms is None


def test_an_offset_may_not_come_twice_or_late() -> None:
    tracker = OffsetTracker(5)
    for early in (4, -1):
        with pytest.raises(ValueError, match="5"):
            tracker.received(early)
    tracker.received(9)
    for late in (5, 8, 9):
        with pytest.raises(ValueError, match="10"):
            tracker.received(late)


def test_what_was_never_received_or_is_done_already_cannot_be_done() -> None:
    tracker = OffsetTracker(0)
    tracker.received(3)
    tracker.received(5)
    for unknown in (0, 4, 6):
        with pytest.raises(KeyError):
            tracker.done(unknown)
    tracker.done(5)
    with pytest.raises(KeyError):
        tracker.done(5)
    tracker.done(3)
    for again in (3, 5):
        with pytest.raises(KeyError):
            tracker.done(again)
    assert tracker.committable == 6


def test_nothing_that_is_done_stays_in_memory_once_all_below_is_done() -> None:
    tracker = OffsetTracker(0)
    for offset in range(10_000):
        tracker.received(offset)
        tracker.done(offset)
    assert (tracker.done_above, tracker.outstanding, tracker.committable) == (0, 0, 10_000)
