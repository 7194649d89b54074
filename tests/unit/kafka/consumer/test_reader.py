"""The reader takes what is due and allowed, no more than there is room for, and steps over what can't be decoded."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import CorruptRecordException

from schemas import headers as names
from schemas.completion import Completion, Problem
from schemas.enums import JobStatus, Lane
from tests.unit.standins import BATCH, BATCH_1, DIALOGUE, RETRY, Member, Time
from worker.jobs.outcome import BAD_INPUT, Outcome
from worker.kafka.consumer.bad_input import BadInputLimit
from worker.kafka.consumer.lane_pauses import LanePauses
from worker.kafka.consumer.reader import LaneReader
from worker.kafka.consumer.record import Record
from worker.kafka.consumer.retry_headers import read_history
from worker.lifecycle.clock import Clock

BAD = Outcome(None, Problem(failure_class=BAD_INPUT, code="INVALID_JOB", message="m"))
GOOD = Outcome(Completion(job_id="a", status=JobStatus.DONE, lane=Lane.BATCH))
Made = tuple["Taking", LaneReader]


class Taking:
    """Starts records as the intake does: those that were done before a restart are passed over."""

    def __init__(self) -> None:
        self.time = Time()
        self.member = Member()
        self.consumer = self.member.consumer
        self.lanes = LanePauses(BadInputLimit(1.0, 3, 60.0), self.member.metrics, self.time.clock)
        self.reader = LaneReader(self.consumer, self.member.partitions, self.lanes, self.time.clock)
        self.started: list[tuple[TopicPartition, Record]] = []

    def start(self, partition: TopicPartition, record: Record) -> None:
        owned = self.member.partitions.received(partition, record.offset, record.timestamp_ms)
        if owned is not None:
            self.started.append((partition, record))

    async def take(self, room: int = 1000, lanes: Iterable[Lane] = Lane) -> list[tuple[TopicPartition, int]]:
        self.started.clear()
        for lane in lanes:
            await self.reader.take(lane, room, self.start)
        return [(partition, record.offset) for partition, record in self.started]

    async def take_all(self, room: int = 1000, times: int = 200) -> list[tuple[TopicPartition, int]]:
        return [each for _ in range(times) for each in await self.take(room)]

    def pause_batch(self) -> None:
        for offset in range(3):
            self.lanes.ended(Record(Lane.BATCH, "tts.batch", 0, offset, None, None), BAD)
        assert self.lanes.paused == [Lane.BATCH]


@pytest.fixture
def taking() -> Taking:
    return Taking()


async def test_no_more_is_taken_than_there_is_room_for(taking: Taking) -> None:
    taking.consumer.write(BATCH, *range(50))
    await taking.member.assign(BATCH)
    assert await taking.take(7) == [(BATCH, n) for n in range(7)]
    assert await taking.take(1) == [(BATCH, 7)]
    assert await taking.take() == [(BATCH, n) for n in range(8, 50)]


async def test_however_much_room_there_is_one_slow_job_does_not_stop_its_partition(taking: Taking) -> None:
    await taking.member.assign(BATCH)
    taken = []
    for written in range(0, 40_000, 1000):
        taking.consumer.write(BATCH, *range(written, written + 1000, 20))
        taken += await taking.take(4096)
        owned = taking.member.partitions._owned[BATCH]
        for _, record in taking.started:
            if record.offset:
                taking.member.partitions.done(owned, record.offset)
    assert len(taken) == 2000


async def test_a_record_is_told_as_it_came(taking: Taking) -> None:
    taking.consumer.write(
        RETRY, 5, timestamp=taking.time.ms - 60_000, key=b"k", value=None, headers=(("a", b"1"), ("a", b"\xff"))
    )
    taking.consumer.write(BATCH, 6, timestamp=-1)
    await taking.member.assign(RETRY, BATCH)
    await taking.take()
    records = dict(taking.started)
    assert records[RETRY] == Record(
        Lane.BATCH, RETRY.topic, 0, 5, b"k", None, [("a", b"1"), ("a", b"\xff")], taking.time.ms - 60_000, delay="10s"
    )
    assert (records[BATCH].delay, records[BATCH].unreadable) == (None, None)
    assert records[BATCH].timestamp_ms == taking.time.ms, "one without a time has come by now"


async def test_without_a_partition_to_take_from_nothing_is_taken_and_the_group_is_kept(taking: Taking) -> None:
    taking.consumer.write(BATCH, 0, 1)
    await taking.member.assign(BATCH)
    taking.member.partitions.hold(BATCH, taking.time.at + 1)
    assert await taking.take() == []
    await taking.reader.keep_membership()
    for partitions, _, _ in taking.consumer.requested:
        assert partitions, "without one that is named aiokafka takes from all"
    assert taking.consumer.requested[-1][1] == 0
    taking.time.at += 1
    assert len(await taking.take()) == 2


# Retries


def due_at(ms: int) -> tuple[tuple[str, bytes], ...]:
    return ((names.RETRY_DUE_MS, str(ms).encode()),)


async def test_a_retry_waits_until_it_is_due_and_holds_back_no_other_source(taking: Taking) -> None:
    now = taking.time.ms
    taking.consumer.write(RETRY, 0, timestamp=now - 9000, headers=due_at(now + 200))
    taking.consumer.write(RETRY, 1, timestamp=now - 9000, headers=due_at(now + 100))
    taking.consumer.write(BATCH, 0)
    await taking.member.assign(RETRY, BATCH)
    assert await taking.take() == [(BATCH, 0)]
    assert taking.consumer.positions[RETRY] == 0
    # It isn't asked for before it is due, and the wait for others ends by then.
    await taking.take()
    partitions, wait_ms, _ = taking.consumer.requested[-1]
    assert RETRY not in partitions
    assert wait_ms <= 200
    taking.time.at += 0.199
    assert await taking.take() == []
    taking.time.at += 0.002
    assert await taking.take() == [(RETRY, 0), (RETRY, 1)]


async def test_of_retries_those_that_are_due_are_taken_and_the_first_that_is_not_waits(taking: Taking) -> None:
    now = taking.time.ms
    for offset, due in enumerate((now - 1, now, now + 5000, now - 1)):
        taking.consumer.write(RETRY, offset, timestamp=now - 9000, headers=due_at(due))
    await taking.member.assign(RETRY)
    assert await taking.take() == [(RETRY, 0), (RETRY, 1)]
    assert taking.consumer.positions[RETRY] == 2
    taking.time.at += 5.001
    assert await taking.take() == [(RETRY, 2), (RETRY, 3)]


HOUR_MS = 3_600_000


async def test_a_retry_by_a_clock_that_is_an_hour_ahead_waits_no_longer_than_its_delay(taking: Taking) -> None:
    ahead = taking.time.ms + HOUR_MS
    for offset, due in enumerate((ahead + 10_000, ahead + 10_200, ahead + 11_000)):
        taking.consumer.write(RETRY, offset, timestamp=ahead, headers=due_at(due))
    await taking.member.assign(RETRY)
    assert await taking.take() == []
    taking.time.at += 11.9
    assert await taking.take() == []
    taking.time.at += 0.2
    # Those behind it wait as much longer as they came later, not each for the whole delay.
    assert await taking.take() == [(RETRY, 0)]
    taking.time.at += 0.3
    assert await taking.take() == [(RETRY, 1)]
    taking.time.at += 0.9
    assert await taking.take() == [(RETRY, 2)]


async def test_a_clock_of_ours_that_is_set_back_delays_no_retry(taking: Taking) -> None:
    taking.consumer.write(RETRY, 0, timestamp=taking.time.ms, headers=due_at(taking.time.ms + 10_000))
    await taking.member.assign(RETRY)
    assert await taking.take() == []
    monotonic = taking.time.at
    taking.reader._clock = Clock(monotonic=lambda: monotonic, now=lambda: datetime.fromtimestamp(monotonic - 7200, UTC))
    monotonic += 10.1
    assert await taking.take() == [(RETRY, 0)]


@pytest.mark.parametrize("timestamp", [None, -1, 0, 1234, 1_800_000_000, 1_800_000_000_000_000_000, 2**63 - 1, 10**30])
@pytest.mark.parametrize("header", [b"", b"-1", b"9" * 19, b"1800000000", b"\xff"])
async def test_times_that_are_none_count_as_missing(taking: Taking, timestamp: int | None, header: bytes) -> None:
    taking.consumer.write(BATCH, 0, timestamp=timestamp)
    origin = ((names.RETRY_TOPIC, b"tts.batch"), (names.RETRY_PARTITION, b"0"), (names.RETRY_OFFSET, b"0"))
    headers = (*origin, (names.RETRY_DUE_MS, header), (names.RETRY_TIMESTAMP_MS, header), (names.RETRY_TRIES, header))
    taking.consumer.write(RETRY, 0, timestamp=timestamp, headers=headers)
    await taking.member.assign(BATCH, RETRY)
    assert await taking.take() == [(BATCH, 0)]
    assert taking.started[0][1].timestamp_ms == taking.time.ms
    taking.time.at += 12
    assert await taking.take() == [(RETRY, 0)]
    history = read_history(taking.started[0][1], datetime.fromtimestamp(taking.time.at, UTC))
    assert history.timestamp_ms == taking.time.ms
    assert history.tries == 1


async def test_waiting_for_a_retry_is_no_busy_loop(taking: Taking) -> None:
    now = taking.time.ms
    taking.consumer.write(RETRY, 0, timestamp=now, headers=due_at(now + 8000))
    await taking.member.assign(RETRY)
    await taking.take_all(times=5)
    assert all(wait_ms == 500 for _, wait_ms, _ in taking.consumer.requested[1:])
    assert taking.consumer.idle_waits >= 4


async def test_a_waiting_retry_survives_a_restart_and_commits_nothing_beyond_itself(taking: Taking) -> None:
    now = taking.time.ms
    taking.consumer.write(RETRY, 3, timestamp=now - 9000, headers=due_at(now - 1))
    taking.consumer.write(RETRY, 8, timestamp=now - 9000, headers=due_at(now + 900))
    await taking.member.assign(RETRY)
    assert await taking.take() == [(RETRY, 3)]
    taking.member.partitions.done(taking.member.partitions._owned[RETRY], 3)
    await taking.member.finish()
    assert taking.member.group.of_group[RETRY].offset == 8
    successor = Taking()
    successor.member.group.of_group = taking.member.group.of_group
    successor.consumer.logs = taking.consumer.logs
    await successor.member.assign(RETRY)
    assert await successor.take() == []
    successor.time.at += 1
    assert await successor.take() == [(RETRY, 8)]


# A lane that pauses


async def test_of_a_lane_that_pauses_one_record_a_minute_is_taken_and_of_the_others_all(taking: Taking) -> None:
    taking.consumer.write(BATCH, *range(10))
    taking.consumer.write(DIALOGUE, *range(3))
    taking.consumer.write(RETRY, 0, timestamp=taking.time.ms - 60_000)
    await taking.member.assign(BATCH, DIALOGUE, RETRY)
    taking.pause_batch()
    assert sorted(await taking.take_all(times=5)) == [*((DIALOGUE, n) for n in range(3)), (RETRY, 0)]
    taken = []
    for _ in range(3):
        taking.time.at += 60
        taken.append(await taking.take_all(times=5))
        taking.lanes.ended(taking_record(taking, taken[-1][0][1]), BAD)
    assert taken == [[(BATCH, 0)], [(BATCH, 1)], [(BATCH, 2)]]
    taking.time.at += 60
    assert await taking.take() == [(BATCH, 3)]
    taking.lanes.ended(taking_record(taking, 3), GOOD)
    assert await taking.take() == [(BATCH, n) for n in range(4, 10)]


def taking_record(_: Taking, offset: int) -> Record:
    return Record(Lane.BATCH, "tts.batch", 0, offset, None, None)


async def test_a_lane_that_pauses_and_is_empty_does_not_hold_up_the_others(taking: Taking) -> None:
    taking.consumer.write(DIALOGUE, 0)
    await taking.member.assign(BATCH, DIALOGUE)
    taking.pause_batch()
    taking.time.at += 60
    assert await taking.take(lanes=[Lane.BATCH]) == []
    assert taking.consumer.requested[0] == ((BATCH,), 0, 1), "it is asked without waiting, and its retries are read"
    assert await taking.take(lanes=[Lane.DIALOGUE]) == [(DIALOGUE, 0)]
    taking.consumer.write(BATCH, 0)
    assert await taking.take() == [(BATCH, 0)], "and stays due"
    assert await taking.take() == []


async def test_probes_go_round_the_partitions_so_that_rubbish_in_one_hides_no_jobs_in_others(taking: Taking) -> None:
    others = [TopicPartition("tts.batch", number) for number in (1, 2)]
    taking.consumer.write(BATCH, *range(10))
    for other in others:
        taking.consumer.write(other, 0)
    await taking.member.assign(BATCH, *others)
    taking.pause_batch()
    probed = []
    for _ in range(5):
        taking.time.at += 60
        probed += await taking.take(lanes=[Lane.BATCH])
    assert probed == [(BATCH, 0), (others[0], 0), (others[1], 0), (BATCH, 1), (BATCH, 2)]


# What can't be decoded


async def test_a_record_that_cannot_be_decoded_is_stepped_over_and_nothing_with_it_is_lost(taking: Taking) -> None:
    taking.consumer.write(BATCH, 0, 1)
    taking.consumer.write(BATCH, 2, readable=False)
    taking.consumer.write(BATCH, 3, 4)
    taking.consumer.write(BATCH_1, *range(5))
    taking.consumer.write(DIALOGUE, *range(5))
    await taking.member.assign(DIALOGUE, BATCH, BATCH_1)
    taken, unreadable = [], []
    for _ in range(10):
        taken += await taking.take()
        unreadable += [record for _, record in taking.started if record.unreadable]
    assert sorted(taken) == sorted((p, n) for p in (DIALOGUE, BATCH, BATCH_1) for n in range(5))
    (record,) = unreadable
    assert (record.topic, record.offset, record.value, record.lane) == ("tts.batch", 2, None, Lane.BATCH)


@pytest.mark.parametrize("room", [1, 2, 5, *[1000] * 5])
async def test_one_partitions_backlog_does_not_hide_anothers_unreadable_record(taking: Taking, room: int) -> None:
    taking.consumer.write(BATCH, *range(3000))
    taking.consumer.write(BATCH_1, 0, 1)
    taking.consumer.write(BATCH_1, 2, 3, readable=False)
    taking.consumer.write(BATCH_1, 4)
    await taking.member.assign(BATCH_1, BATCH)
    taken: list[tuple[TopicPartition, int]] = []
    for _ in range(3 if room > 5 else 200):
        new = await taking.take(room)
        assert len(new) <= room
        taken += new
        if (BATCH_1, 4) in taken:
            break
    assert [offset for partition, offset in taken if partition == BATCH_1] == [0, 1, 2, 3, 4]
    of_batch = [offset for partition, offset in taken if partition == BATCH]
    assert of_batch == [*range(len(of_batch))]


async def test_partitions_with_nothing_to_read_are_not_waited_for_one_by_one(taking: Taking) -> None:
    empty = [TopicPartition("tts.batch", n) for n in range(1, 25)]
    taking.consumer.write(BATCH, 0, 1, readable=False)
    await taking.member.assign(*empty, BATCH)
    taken = [each for _ in range(3) for each in await taking.take(lanes=[Lane.BATCH])]
    assert taken == [(BATCH, 0), (BATCH, 1)]
    assert taking.consumer.idle_waits <= 2, "each would be half a second, for the whole lane"


async def test_looking_for_what_cannot_be_decoded_takes_nothing_that_may_not_be_taken(taking: Taking) -> None:
    now = taking.time.ms
    taking.consumer.write(BATCH, 0)
    taking.consumer.write(RETRY, 0, timestamp=now, headers=due_at(now + 5000))
    taking.consumer.write(DIALOGUE, 0, readable=False)
    await taking.member.assign(BATCH, RETRY, DIALOGUE)
    taking.pause_batch()
    assert await taking.take_all(times=5) == [(DIALOGUE, 0)]
    taking.time.at += 5.1
    assert await taking.take_all(times=5) == [(RETRY, 0)]


async def test_a_probe_that_cannot_be_decoded_is_the_paused_lanes_own(taking: Taking) -> None:
    taking.consumer.write(DIALOGUE, 0, 1)
    taking.consumer.write(BATCH, 0, 1, readable=False)
    await taking.member.assign(DIALOGUE, BATCH)
    taking.pause_batch()
    taking.time.at += 60
    assert await taking.take(lanes=[Lane.BATCH]) == [(BATCH, 0)]
    assert await taking.take_all(times=5) == [(DIALOGUE, 0), (DIALOGUE, 1)]


async def test_a_rebalance_in_the_middle_of_looking_takes_only_the_partition_away(taking: Taking) -> None:
    taking.consumer.write(BATCH, 0, readable=False)
    taking.consumer.write(DIALOGUE, 0, 1)
    await taking.member.assign(BATCH, DIALOGUE)
    position: Callable[..., Any] = taking.consumer.position

    async def rebalanced(self: Any, partition: TopicPartition) -> int:
        self.positions.pop(BATCH, None)
        found: int = await position(partition)
        return found

    taking.consumer.position = partial(rebalanced, taking.consumer)  # type: ignore[method-assign]
    taken = await taking.take_all(times=3)
    assert sorted(taken) == [(DIALOGUE, 0), (DIALOGUE, 1)]


async def test_a_batch_that_cannot_be_read_and_a_rebalance_that_takes_its_partition_end_no_intake(
    taking: Taking,
) -> None:
    taking.consumer.write(BATCH, 0, 1)
    taking.consumer.write(BATCH_1, 0)
    await taking.member.assign(BATCH, BATCH_1)
    original: Callable[..., Any] = taking.consumer.getmany
    calls = 0

    async def getmany(*partitions: TopicPartition, timeout_ms: int, max_records: int | None = None) -> Any:
        nonlocal calls
        calls += BATCH in partitions
        if BATCH in partitions and calls == 2:
            # While this fetch waited, the group gave the partition to another worker.
            await taking.member.assign(BATCH_1)
        if BATCH in partitions:
            raise CorruptRecordException("crc")
        return await original(*partitions, timeout_ms=timeout_ms, max_records=max_records)

    taking.consumer.getmany = getmany  # type: ignore[method-assign]
    assert await taking.take_all(times=3) == [(BATCH_1, 0)]


async def test_an_undecodable_record_of_a_partition_that_was_just_lost_is_nobodys_here(taking: Taking) -> None:
    taking.consumer.write(BATCH, 0, readable=False)
    taking.consumer.write(BATCH_1, 0)
    await taking.member.assign(BATCH, BATCH_1)
    position: Callable[..., Any] = taking.consumer.position

    async def lost_meanwhile(partition: TopicPartition) -> int:
        found: int = await position(partition)
        # aiokafka has the assignment before this worker has taken it over.
        taking.member.partitions._owned.pop(BATCH, None)
        return found

    taking.consumer.position = lost_meanwhile  # type: ignore[method-assign]
    assert await taking.take_all(times=3) == [(BATCH_1, 0)]
