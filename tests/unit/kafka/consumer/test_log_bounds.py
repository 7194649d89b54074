"""What expired before it was taken is reported with its place, and ordinary gaps are not."""

from __future__ import annotations

from typing import Any

from aiokafka.errors import KafkaConnectionError, NoOffsetForPartitionError, OffsetOutOfRangeError
from aiokafka.structs import OffsetAndMetadata
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from schemas.enums import Lane
from tests.unit.standins import BATCH, BATCH_1, Committed, Member, Time
from worker.kafka.consumer.log_bounds import LogBounds
from worker.kafka.consumer.offset_map import encode
from worker.kafka.consumer.offset_tracker import OffsetTracker


class Bounded:
    """A member whose log of `BATCH` holds the offsets from `begin` up to `end`."""

    def __init__(self, committed: OffsetAndMetadata | None, begin: int, end: int) -> None:
        group = Committed()
        if committed is not None:
            group.of_group[BATCH] = committed
        self.time = Time()
        self.member = Member(group)
        self.begin, self.end = begin, end
        self.failure: Exception | None = None
        consumer: Any = self.member.consumer
        consumer.beginning_offsets = self._begins
        consumer.end_offsets = self._ends
        self.bounds = LogBounds(consumer, self.member.partitions, self.member.metrics, self.time.clock)

    async def _begins(self, partitions: Any) -> Any:
        if self.failure is not None:
            raise self.failure
        return dict.fromkeys(partitions, self.begin)

    async def _ends(self, partitions: Any) -> Any:
        return dict.fromkeys(partitions, self.end)

    async def out_of_range(self, offset: int) -> list[Any]:
        with capture_logs() as logs:
            await self.bounds.recover(OffsetOutOfRangeError({BATCH: offset}))
        return logs

    @property
    def position(self) -> int:
        return self.member.consumer.positions[BATCH]

    @property
    def lost(self) -> float | None:
        return self.member.gauge("tts_records_lost_total", Lane.BATCH)


async def test_records_that_expired_while_nobody_took_them_are_reported_once_with_their_place() -> None:
    bounded = Bounded(OffsetAndMetadata(20, ""), begin=25, end=30)
    await bounded.member.assign(BATCH)
    (reported,) = await bounded.out_of_range(20)
    assert (reported["event"], reported["log_level"]) == ("records_lost", "error")
    assert (reported["topic"], reported["partition"], reported["first"], reported["last"]) == ("tts.batch", 0, 20, 24)
    assert (reported["at_most"], bounded.lost, bounded.position) == (5, 5, 25)
    await bounded.member.finish()
    assert bounded.member.group.of_group[BATCH].offset == 25, "after a restart it isn't reported again"


async def test_of_expired_records_those_that_were_done_before_a_restart_are_not_lost() -> None:
    bounded = Bounded(OffsetAndMetadata(20, encode(20, [(21, 24)])), begin=25, end=30)
    await bounded.member.assign(BATCH)
    (reported,) = await bounded.out_of_range(20)
    assert (reported["first"], reported["last"], reported["at_most"], bounded.lost) == (20, 24, 2, 2)


async def test_expired_records_that_were_all_done_are_no_loss() -> None:
    bounded = Bounded(OffsetAndMetadata(20, encode(20, [(20, 25)])), begin=25, end=30)
    await bounded.member.assign(BATCH)
    assert await bounded.out_of_range(20) == []
    assert (bounded.lost, bounded.position) == (0, 25)


async def test_a_loss_while_running_leaves_jobs_in_work_their_partition() -> None:
    bounded = Bounded(OffsetAndMetadata(0, ""), begin=7, end=9)
    await bounded.member.assign(BATCH)
    owned = bounded.member.partitions.received(BATCH, 0, 1)
    assert owned is not None
    (reported,) = await bounded.out_of_range(1)
    assert (reported["first"], reported["last"]) == (1, 6)
    assert not owned.lost
    bounded.member.partitions.done(owned, 0)
    await bounded.member.finish()
    assert bounded.member.group.of_group[BATCH].offset == 7


async def test_a_new_group_begins_at_the_logs_first_record_and_has_lost_nothing() -> None:
    bounded = Bounded(None, begin=25, end=30)
    bounded.member.consumer.write(BATCH, *range(25, 30))
    await bounded.member.assign(BATCH, BATCH_1)
    with capture_logs() as logs:
        await bounded.bounds.recover(NoOffsetForPartitionError(BATCH))
    assert logs == []
    assert (bounded.lost, bounded.position) == (0, 25)


async def test_a_log_that_ends_before_the_commit_is_read_from_its_beginning_and_says_so() -> None:
    bounded = Bounded(OffsetAndMetadata(100, ""), begin=0, end=3)
    await bounded.member.assign(BATCH)
    (reported,) = await bounded.out_of_range(100)
    assert (reported["event"], reported["first"], reported["last"]) == ("offsets_went_back", 3, 99)
    assert (bounded.position, bounded.lost) == (0, 0)
    assert bounded.member.partitions.received(BATCH, 0, 1) is not None
    await bounded.member.finish()
    assert bounded.member.group.of_group[BATCH].offset == 0, "the old commit would be met at each start"


async def test_a_position_that_is_inside_of_the_log_after_all_is_tried_again_after_a_moment() -> None:
    bounded = Bounded(OffsetAndMetadata(20, ""), begin=10, end=30)
    await bounded.member.assign(BATCH)
    assert await bounded.out_of_range(20) == []
    assert bounded.position == 20
    assert bounded.member.partitions.takeable(lambda _: True, 1, bounded.time.at) == []
    assert bounded.member.partitions.takeable(lambda _: True, 1, bounded.time.at + 1) == [BATCH]


async def test_a_broker_that_does_not_answer_and_a_partition_that_was_lost_change_nothing() -> None:
    bounded = Bounded(OffsetAndMetadata(20, ""), begin=25, end=30)
    await bounded.member.assign(BATCH)
    bounded.failure = KafkaConnectionError("gone")
    assert await bounded.out_of_range(20) == []
    assert bounded.position == 20
    bounded.failure = None
    await bounded.member.assign(BATCH_1)
    assert await bounded.out_of_range(20) == []


@given(
    st.integers(0, 30),
    st.lists(st.tuples(st.integers(0, 60), st.integers(1, 9)), max_size=5),
    st.integers(0, 60),
)
def test_skipped_are_exactly_the_offsets_that_were_not_done(
    position: int, done: list[tuple[int, int]], offset: int
) -> None:
    ranges = sorted((max(position, start), max(position, start) + length) for start, length in done)
    tracker = OffsetTracker(position, ranges)
    covered = {each for start, end in ranges for each in range(start, end)}
    lost = {each for start, end in tracker.skip_to(offset) for each in range(start, end)}
    assert lost == set(range(position, offset)) - covered
    after = max(position, offset)
    assert tracker.position == after
    assert {n for n in range(after, 100) if not tracker.received(n)} == {each for each in covered if each >= after}


async def test_a_fresh_partition_whose_records_expire_before_the_first_is_taken_has_lost_them() -> None:
    bounded = Bounded(None, begin=25, end=30)
    await bounded.member.assign(BATCH)
    (reported,) = await bounded.out_of_range(20)
    assert (reported["first"], reported["last"], bounded.lost) == (20, 24, 5)
