"""What may be committed is below all that is unfinished, in whatever order jobs finish and whenever the worker dies."""

from __future__ import annotations

import base64
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from worker.kafka.consumer.offset_map import MAX_BYTES, Range, decode, encode
from worker.kafka.consumer.offset_tracker import OffsetTracker

THREE_QUARTERS = 0.75 * MAX_BYTES


def offsets_in(ranges: list[Range]) -> set[int]:
    return {offset for start, end in ranges for offset in range(start, end)}


def restarted(tracker: OffsetTracker) -> OffsetTracker:
    """The tracker after a crash, of nothing but what was committed."""
    committed = tracker.committable
    return OffsetTracker(committed, decode(committed, encode(committed, tracker.done_above)))


class CrashingWorker(RuleBasedStateMachine):
    """A log with gaps, a worker that commits, dies and reads the log again from what it committed."""

    def __init__(self) -> None:
        super().__init__()
        self.log: list[int] = []
        self.end = 0
        self.done: set[int] = set()
        self.known: set[int] = set()
        """Done, and not forgotten by a crash."""
        self.tracker = OffsetTracker(0)
        self.next = 0
        self.in_work: list[int] = []
        self.committed = 0
        self.map = encode(0, [])
        self.done_at_commit: set[int] = set()

    @initialize(start=st.integers(0, 2**40))
    def begin(self, start: int) -> None:
        self.end = self.next = self.committed = start
        self.tracker = OffsetTracker(start)
        self.map = encode(start, [])

    @rule(gaps=st.lists(st.sampled_from([0, 0, 0, 1, 2, 200]), min_size=1, max_size=8))
    def write(self, gaps: list[int]) -> None:
        for gap in gaps:
            self.log.append(self.end + gap)
            self.end += gap + 1

    @rule(count=st.integers(1, 10))
    def take(self, count: int) -> None:
        coming = [offset for offset in self.log if offset >= self.next][:count]
        if not self.tracker.may_take(count):
            return
        for offset in coming:
            self.next = offset + 1
            if self.tracker.received(offset, offset * 10):
                assert offset not in self.done_at_commit, "what was done before the commit isn't done again"
                self.in_work.append(offset)
            else:
                assert offset in self.known, "what is skipped was done"

    @precondition(lambda self: self.in_work)
    @rule(data=st.data())
    def finish(self, data: Any) -> None:
        offset = self.in_work.pop(data.draw(st.integers(0, len(self.in_work) - 1)))
        self.tracker.done(offset)
        self.done.add(offset)
        self.known.add(offset)

    @rule()
    def commit(self) -> None:
        self.committed = self.tracker.committable
        self.map = encode(self.committed, self.tracker.done_above)
        self.done_at_commit = set(self.known)

    @rule()
    def crash(self) -> None:
        self.tracker = OffsetTracker(self.committed, decode(self.committed, self.map))
        self.next = self.committed
        self.in_work = []
        self.known = set(self.done_at_commit)

    @invariant()
    def all_below_the_committable_offset_is_done(self) -> None:
        assert all(offset in self.known for offset in self.log if offset < self.tracker.committable)

    @invariant()
    def the_map_names_what_is_done_and_gaps_alone(self) -> None:
        named = offsets_in(self.tracker.done_above)
        assert named & set(self.log) <= self.known
        assert all(offset >= self.tracker.committable for offset in named)

    @invariant()
    def the_counts_agree(self) -> None:
        assert self.tracker.done_above_count == sum(end - start for start, end in self.tracker.done_above)
        assert self.tracker.outstanding == len(self.in_work)
        assert self.tracker.position == self.next
        oldest = min(self.in_work, default=None)
        assert self.tracker.oldest_timestamp_ms == (None if oldest is None else oldest * 10)
        assert self.tracker.committable == (self.next if oldest is None else oldest)

    @invariant()
    def the_map_keeps_within_three_quarters_of_its_room(self) -> None:
        text = encode(self.tracker.committable, self.tracker.done_above)
        assert len(base64.b64decode(text)) <= THREE_QUARTERS

    def teardown(self) -> None:
        """In the end all is done, however often it died."""
        self.crash()
        while coming := [offset for offset in self.log if offset >= self.next]:
            self.take(max(1, len(coming) // 2))
            while self.in_work:
                self.done.add(self.in_work[-1])
                self.tracker.done(self.in_work.pop())
        assert set(self.log) <= self.done
        assert self.tracker.done_above == []


CrashingWorker.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestAWorkerThatDiesAndStartsAgain = CrashingWorker.TestCase


@pytest.mark.parametrize("in_flight", [64, 500, 4096])
@pytest.mark.parametrize("seed", range(2))
def test_no_order_of_completions_makes_the_map_pass_three_quarters_of_its_room(in_flight: int, seed: int) -> None:
    chance = random.Random(seed)
    tracker, position, working = OffsetTracker(0), 0, list[int]()
    for _ in range(150):
        room = min(64, in_flight - len(working))
        while room > 0 and tracker.may_take(room):
            for offset in range(position, position + room):
                tracker.received(offset)
                working.append(offset)
            position += room
            room = min(64, in_flight - len(working))
        # Every second, which breaks the map up most; now and then a stretch; the first is stuck.
        finished = working[2::2] if chance.random() < 0.3 else chance.sample(working[1:], len(working) // 3)
        for offset in finished:
            tracker.done(offset)
        working = [offset for offset in working if offset not in set(finished)]
        raw = base64.b64decode(encode(tracker.committable, tracker.done_above))
        assert len(raw) <= THREE_QUARTERS
        assert decode(tracker.committable, encode(tracker.committable, tracker.done_above)) == tracker.done_above


def test_a_full_map_stops_the_taking_until_something_is_done() -> None:
    tracker = OffsetTracker(0)
    offset = 0
    # Each pending offset is followed by a stretch of done ones.
    while tracker.may_take(1):
        for pending in (True, *[False] * 50):
            tracker.received(offset)
            if not pending:
                tracker.done(offset)
            offset += 1
    assert 500 < tracker.outstanding < 1000
    for pending in range(0, offset, 51 * 2):
        tracker.done(pending)
    assert tracker.may_take(1)


def test_records_are_taken_until_the_worst_map_would_exceed_three_quarters_of_its_limit() -> None:
    tracker = OffsetTracker(0)
    # 100 apart, runs need less than a bitmap: 4 bytes each. 575 runs and the head of 6 bytes need 2,306.
    for offset in range(0, 57_200, 100):
        tracker.received(offset)
    assert THREE_QUARTERS == 2304
    assert tracker.may_take(1)
    assert not tracker.may_take(2)


def test_the_span_with_the_records_to_come_decides_wherever_the_partition_is() -> None:
    tracker = OffsetTracker(10**6)
    for offset in range(10**6, 10**6 + 17_000):
        tracker.received(offset)
    # Side by side, a bitmap needs less: a bit each. 18,383 offsets and the head of 6 bytes need 2,304.
    assert tracker.may_take(1_383)
    assert not tracker.may_take(1_384)


@pytest.mark.parametrize(("end", "may_take"), [(18_310, True), (18_400, False)])
def test_the_span_ends_with_what_was_done_before_a_restart(end: int, may_take: bool) -> None:
    tracker = OffsetTracker(0, [(end - 10, end)])
    for offset in range(600):
        tracker.received(offset)
    assert tracker.may_take(1) is may_take


@given(
    position=st.integers(0, 30),
    edges=st.lists(st.integers(0, 60), unique=True, max_size=8).map(sorted),
    offset=st.integers(0, 70),
)
def test_what_is_skipped_is_all_that_was_not_done(position: int, edges: list[int], offset: int) -> None:
    done = [(max(start, position), end) for start, end in zip(edges[::2], edges[1::2], strict=False) if end > position]
    tracker = OffsetTracker(position, done)
    skipped = tracker.skip_to(offset)
    assert offsets_in(skipped) == set(range(position, offset)) - offsets_in(done)
    assert all(start < end for start, end in skipped)
    assert tracker.position == tracker.committable == max(position, offset)
    assert offsets_in(tracker.done_above) == {each for each in offsets_in(done) if each >= tracker.position}
    coming = range(tracker.position, 61)
    assert [each for each in coming if not tracker.received(each)] == [
        each for each in coming if each in offsets_in(done)
    ]


def test_ranges_that_end_at_the_position_are_not_above_it() -> None:
    tracker = OffsetTracker(0, [(0, 2)])
    assert not tracker.received(0)
    assert not tracker.received(1)
    assert (tracker.done_above, tracker.done_above_count, tracker.committable) == ([], 0, 2)


def test_one_slow_job_never_stops_the_taking() -> None:
    tracker = OffsetTracker(0)
    tracker.received(0)
    for offset in range(1, 100_000):
        if offset % 64 == 0:
            assert tracker.may_take(64)
        tracker.received(offset)
        tracker.done(offset)
    assert tracker.done_above == [(1, 100_000)]


def test_a_worker_that_dies_with_a_full_map_can_take_again_whatever_room_it_has() -> None:
    done = [(200 * n, 200 * n + 150) for n in range(1, 1000)]
    for room in (1, 64, 4096):
        tracker = OffsetTracker(0, done)
        assert tracker.may_take(room), "or the partition would be stuck for ever"
        tracker.received(0)
        assert not tracker.may_take(room)
        tracker.done(0)
        assert tracker.may_take(room)


def test_several_crashes_in_a_row_lose_nothing_of_what_was_done() -> None:
    tracker = OffsetTracker(10)
    for offset in range(10, 30):
        tracker.received(offset)
    for offset in (12, 13, 20, 29):
        tracker.done(offset)
    for _ in range(5):
        tracker = restarted(tracker)
        assert tracker.committable == 10
        assert tracker.done_above == [(12, 14), (20, 21), (29, 30)]
        assert tracker.done_above_count == 4
    assert [offset for offset in range(10, 31) if not tracker.received(offset)] == [12, 13, 20, 29]
    tracker = restarted(tracker)
    assert tracker.done_above == [(12, 14), (20, 21), (29, 30)]


def test_a_range_that_is_done_and_gone_from_the_log_is_passed_over() -> None:
    tracker = OffsetTracker(10, [(12, 14), (20, 25)])
    assert tracker.received(22) is False
    assert tracker.committable == 23
    assert tracker.done_above == [(23, 25)]
    assert tracker.received(40)
    assert tracker.done_above == []


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
            assert tracker.received(offset, timestamp_ms=offset * 10)
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
        # A gap that lies between received offsets is one for ever.
        assert offsets_in(tracker.done_above) == set(range(before, position)) - set(unfinished)
        assert tracker.done_above_count == position - before - len(unfinished)
        assert tracker.oldest_timestamp_ms == (min(unfinished) * 10 if unfinished else None)


def test_with_nothing_received_the_position_is_committable() -> None:
    tracker = OffsetTracker(7)
    assert (tracker.committable, tracker.position, tracker.outstanding) == (7, 7, 0)
    assert (tracker.done_above, tracker.done_above_count) == ([], 0)
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
    tracker = OffsetTracker(0, [(7, 8)])
    tracker.received(3)
    tracker.received(5)
    tracker.received(7)
    for unknown in (0, 4, 6, 7):
        with pytest.raises(KeyError):
            tracker.done(unknown)
    tracker.done(5)
    with pytest.raises(KeyError):
        tracker.done(5)
    tracker.done(3)
    for again in (3, 5):
        with pytest.raises(KeyError):
            tracker.done(again)
    assert tracker.committable == 8


def test_nothing_that_is_done_stays_in_memory_once_all_below_is_done() -> None:
    tracker = OffsetTracker(0)
    for offset in range(10_000):
        tracker.received(offset)
        tracker.done(offset)
    assert (tracker.done_above, tracker.outstanding, tracker.committable) == ([], 0, 10_000)
