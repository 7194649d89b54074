"""What a worker keeps, loses and skips when partitions come and go, and what it commits."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.structs import OffsetAndMetadata
from structlog.testing import capture_logs

from schemas.enums import Lane
from tests.unit.standins import BATCH, BATCH_1, DIALOGUE, PARTITIONS_OF, RETRY, Committed, Member, Time
from tests.until import loop_until
from worker.kafka.consumer.lag import LagMonitor
from worker.kafka.consumer.offset_map import decode, encode
from worker.kafka.consumer.partition import OwnedPartition


def take(member: Member, partition: Any, *offsets: int) -> list[tuple[OwnedPartition, int]]:
    """Receives records; what is to be done of them."""
    jobs = []
    for offset in offsets:
        member.consumer.positions[partition] = offset + 1
        owned = member.partitions.received(partition, offset, 1000 * offset)
        if owned is not None:
            jobs.append((owned, offset))
    return jobs


def finish(member: Member, jobs: list[tuple[OwnedPartition, int]]) -> None:
    for owned, offset in jobs:
        member.partitions.done(owned, offset)


def offsets(jobs: list[tuple[OwnedPartition, int]]) -> list[int]:
    return [offset for _, offset in jobs]


async def test_what_is_done_above_a_gap_is_committed_and_skipped_after_a_restart() -> None:
    member = Member()
    await member.assign(BATCH)
    jobs = take(member, BATCH, *range(10))
    finish(member, [job for job in jobs if job[1] not in {2, 5}])
    await member.finish()
    assert member.group.of_group[BATCH] == OffsetAndMetadata(2, encode(2, [(3, 5), (6, 10)]))

    successor = Member(member.group)
    await successor.assign(BATCH)
    assert successor.consumer.positions[BATCH] == 2
    jobs = take(successor, BATCH, *range(2, 12))
    assert offsets(jobs) == [2, 5, 10, 11]
    finish(successor, jobs)
    await successor.finish()
    assert member.group.of_group[BATCH].offset == 12


async def test_with_nothing_in_work_the_consumers_position_is_committed_since_offsets_have_gaps() -> None:
    member = Member()
    await member.assign(BATCH)
    finish(member, take(member, BATCH, 0, 1))
    member.consumer.positions[BATCH] = 7
    await member.finish()
    assert member.group.of_group[BATCH].offset == 7
    jobs = take(member, BATCH, 7)
    member.consumer.positions[BATCH] = 20
    await member.finish()
    assert member.group.of_group[BATCH].offset == 7
    finish(member, jobs)


async def test_what_is_committed_already_and_what_nothing_came_of_is_not_committed_again() -> None:
    member = Member()
    await member.assign(BATCH, BATCH_1)
    finish(member, take(member, BATCH, 0))
    commitments = await member.partitions.commitments()
    assert [*commitments] == [BATCH]
    assert member.partitions.last_committed() == {}
    member.partitions.committed(commitments)
    assert await member.partitions.commitments() == {}
    assert member.partitions.last_committed() == commitments


async def test_a_map_whose_records_are_gone_from_the_log_does_not_stop_the_commits() -> None:
    # Retention has taken all below 40 while the worker was down: the consumer starts anew behind the map.
    group = Committed()
    group.of_group[BATCH] = OffsetAndMetadata(10, encode(10, [(15, 20), (35, 50)]))
    member = Member(group)
    await member.assign(BATCH)
    for position, done in ((30, [(35, 50)]), (40, [(40, 50)]), (60, [])):
        member.consumer.positions[BATCH] = position
        await member.finish()
        assert group.of_group[BATCH].offset == position
        assert decode(position, group.of_group[BATCH].metadata) == done
    assert offsets(take(member, BATCH, 60)) == [60]


# A rebalance


async def test_a_partition_that_nobody_else_committed_of_is_kept_where_it_was() -> None:
    member = Member()
    await member.assign(BATCH)
    jobs = take(member, BATCH, *range(5))
    finish(member, jobs[3:])
    await member.assign(BATCH, DIALOGUE)
    assert not jobs[0][0].lost
    assert member.consumer.positions[BATCH] == 5, "it goes on behind what came"
    finish(member, jobs[:3])
    await member.finish()
    assert member.group.of_group[BATCH].offset == 5


async def test_a_partition_that_goes_to_another_is_lost_with_its_jobs() -> None:
    member = Member()
    await member.assign(BATCH, DIALOGUE)
    (job,) = take(member, BATCH, 0)
    await member.assign(DIALOGUE)
    assert job[0].lost
    assert member.partitions.takeable(lambda _: True, 1, 0) == [DIALOGUE]
    finish(member, [job])
    assert await member.partitions.commitments() == {}


@pytest.mark.parametrize("by_another", [OffsetAndMetadata(3, encode(3, [])), OffsetAndMetadata(0, encode(0, [(1, 2)]))])
async def test_a_partition_that_comes_back_is_taken_anew_when_another_committed_offset_or_map_meanwhile(
    by_another: OffsetAndMetadata,
) -> None:
    member = Member()
    await member.assign(BATCH)
    jobs = take(member, BATCH, 0, 1, 2)
    await member.finish()
    assert member.group.of_group[BATCH] == OffsetAndMetadata(0, encode(0, []))
    member.group.of_group[BATCH] = by_another
    # The generation in which another had it was missed: what is told is assigned again, and nothing was revoked.
    await member.rebalances.on_partitions_assigned({BATCH})
    assert all(owned.lost for owned, _ in jobs)
    assert member.consumer.positions[BATCH] == by_another.offset
    done = {n for start, end in decode(by_another.offset, by_another.metadata) for n in range(start, end)}
    assert offsets(take(member, BATCH, *range(by_another.offset, 5))) == [
        n for n in range(by_another.offset, 5) if n not in done
    ]


async def test_a_partition_is_kept_when_kafka_took_a_commit_whose_answer_was_lost() -> None:
    member = Member()
    await member.assign(BATCH)
    jobs = take(member, BATCH, 0, 1, 2)
    finish(member, jobs[:1])
    member.group.of_group |= await member.partitions.commitments()
    await member.rebalances.on_partitions_assigned({BATCH})
    assert not jobs[1][0].lost
    assert member.consumer.positions[BATCH] == 3
    assert await member.partitions.commitments() == {}, "it is known now that Kafka has it"


async def test_a_commit_that_is_made_while_a_partition_comes_back_anew_is_not_counted_as_its_own() -> None:
    member = Member()
    await member.assign(BATCH)
    jobs = take(member, BATCH, 0, 1)
    finish(member, jobs[:1])
    assert [*await member.partitions.commitments()] == [BATCH]
    member.group.of_group[BATCH] = OffsetAndMetadata(2, encode(2, []))
    await member.rebalances.on_partitions_assigned({BATCH})
    assert await member.partitions.commitments() == {}


async def test_while_it_is_not_known_what_was_committed_no_record_can_come() -> None:
    member = Member()
    paused: list[set[Any]] = []

    class Slow(Committed):
        async def fetch(self, partitions: set[Any]) -> Any:
            paused.append(set(member.consumer.paused_ones))
            return await super().fetch(partitions)

    slow: Any = Slow()
    member.rebalances._offsets = slow
    await member.assign(BATCH, RETRY)
    assert paused == [{BATCH, RETRY}]
    assert member.consumer.paused_ones == set()
    assert member.listener.calls[-1] == "assigned"
    assert member.partitions.settled.is_set()


async def test_an_error_of_the_listener_is_kept_for_whoever_commits_since_aiokafka_only_logs_it() -> None:
    member = Member()

    class Broken(Committed):
        async def fetch(self, partitions: set[Any]) -> Any:
            raise RuntimeError(partitions)

    broken: Any = Broken()
    member.rebalances._offsets = broken
    with pytest.raises(RuntimeError):
        await member.assign(BATCH)
    assert isinstance(member.partitions.failure, RuntimeError)
    assert "assigned" not in member.listener.calls


async def test_a_revocation_waits_for_what_is_in_work_and_commits_it() -> None:
    member = Member(revoke_wait_s=60)
    await member.assign(BATCH)
    first, second = take(member, BATCH, 0, 1)
    with member.partitions.working(first[0]):
        with member.partitions.working(second[0]):
            revoked = asyncio.create_task(member.rebalances.on_partitions_revoked({BATCH}))
            finish(member, [second])
        await asyncio.sleep(0.01)
        assert not revoked.done()
        finish(member, [first])
    await asyncio.wait_for(revoked, 60)
    assert member.group.of_group[BATCH].offset == 2
    assert not member.partitions.settled.is_set()


async def test_a_revocation_waits_no_longer_than_it_may_and_commits_what_is_done() -> None:
    member = Member(revoke_wait_s=0.02)
    await member.assign(BATCH)
    jobs = take(member, BATCH, 0, 1)
    finish(member, jobs[1:])
    with member.partitions.working(jobs[0][0]):
        await asyncio.wait_for(member.rebalances.on_partitions_revoked({BATCH}), 60)
    assert member.group.of_group[BATCH] == OffsetAndMetadata(0, encode(0, [(1, 2)]))


async def test_a_revocation_does_not_wait_for_jobs_that_wait_for_quota() -> None:
    member = Member(revoke_wait_s=60)
    await member.assign(BATCH)
    at_work, waits, comes_to_wait = take(member, BATCH, 0, 1, 2)
    end, end_of_parts = [1].clear, [2].clear
    partitions, owned = member.partitions, waits[0]
    with partitions.working(owned), partitions.working(owned), partitions.waiting(owned, end):
        with partitions.working(owned):
            revoked = asyncio.create_task(member.rebalances.on_partitions_revoked({BATCH}))
            # At the beginning, or waiting jobs would be granted quota.
            await loop_until(lambda: member.listener.calls[-1] == "hand-over began")
            finish(member, [at_work])
        await asyncio.sleep(0.01)
        assert not revoked.done(), "one is at work"
        with partitions.waiting(owned, end_of_parts), partitions.waiting(owned, end_of_parts):
            await asyncio.wait_for(revoked, 60)
    assert member.group.of_group[BATCH].offset == 1
    finish(member, [waits, comes_to_wait])


async def test_parts_that_wait_are_one_job_and_others_of_the_partition_are_waited_for() -> None:
    member = Member(revoke_wait_s=60)
    await member.assign(BATCH)
    owned = take(member, BATCH, 0, 1)[0][0]
    partitions, end_of_parts = member.partitions, [1].clear
    with partitions.working(owned), partitions.waiting(owned, end_of_parts), partitions.waiting(owned, end_of_parts):
        with partitions.working(owned):
            revoked = asyncio.create_task(member.rebalances.on_partitions_revoked({BATCH}))
            await asyncio.sleep(0.01)
            assert not revoked.done()
        await asyncio.wait_for(revoked, 60)


async def test_a_revocation_does_not_wait_for_jobs_that_were_given_up() -> None:
    member = Member(revoke_wait_s=60)
    await member.assign(BATCH)
    ((owned, _),) = take(member, BATCH, 0)
    with member.partitions.working(owned):
        revoked = asyncio.create_task(member.rebalances.on_partitions_revoked({BATCH}))
        await asyncio.sleep(0.01)
        assert not revoked.done()
    await asyncio.wait_for(revoked, 60)
    assert member.group.of_group[BATCH].offset == 0, "it isn't done"


async def test_a_first_assignment_revokes_nothing_and_waits_for_nothing() -> None:
    member = Member(revoke_wait_s=60)
    await asyncio.wait_for(member.rebalances.on_partitions_revoked(set()), 60)
    assert member.group.of_group == {}


# What can't be read, and what went back


@pytest.mark.parametrize("metadata", ["", "rubbish", encode(9, [(12, 14)]), None])
async def test_a_map_that_cannot_be_read_is_told_once_and_what_was_above_is_done_again(metadata: Any) -> None:
    group = Committed()
    group.of_group = {BATCH: OffsetAndMetadata(5, metadata), BATCH_1: OffsetAndMetadata(6, metadata)}
    member = Member(group)
    with capture_logs() as logs:
        await member.assign(BATCH, BATCH_1)
    (warning,) = [each for each in logs if each["log_level"] == "warning"]
    assert warning["event"] == "offset_map_unreadable"
    assert len(warning["partitions"]) == 2
    assert offsets(take(member, BATCH, *range(5, 9))) == [5, 6, 7, 8]


async def test_a_partition_without_a_commit_begins_where_its_first_record_is() -> None:
    member = Member()
    with capture_logs() as logs:
        await member.assign(BATCH)
    assert [each for each in logs if each["log_level"] == "warning"] == []
    jobs = take(member, BATCH, 100)
    assert offsets(jobs) == [100]
    await member.finish()
    assert member.group.of_group[BATCH].offset == 100


async def test_offsets_that_go_back_are_told_and_done_and_what_was_in_work_is_lost() -> None:
    member = Member()
    await member.assign(BATCH)
    old = take(member, BATCH, 10, 11)
    finish(member, old[:1])
    await member.finish()
    with capture_logs() as logs:
        new = take(member, BATCH, 0, 1)
    assert [each["event"] for each in logs] == ["offsets_went_back"]
    assert offsets(new) == [0, 1]
    assert old[1][0].lost
    finish(member, [old[1], new[0]])
    await member.finish()
    assert member.group.of_group[BATCH].offset == 1


# What may be taken


async def test_a_retry_that_is_not_due_is_put_back_and_its_partition_rests_until_it_is() -> None:
    member, time = Member(), Time()
    await member.assign(BATCH, RETRY)
    member.partitions.defer(RETRY, 7, time.at + 0.5)
    assert member.consumer.positions[RETRY] == 7
    assert member.partitions.takeable(lambda _: True, 1, time.at) == [BATCH]
    assert member.partitions.next_due_s(time.at) == time.at + 0.5
    time.at += 0.5
    assert set(member.partitions.takeable(lambda _: True, 1, time.at)) == {BATCH, RETRY}
    assert member.partitions.next_due_s(time.at) is None


async def test_a_partition_that_is_lost_and_comes_back_does_not_rest_any_more() -> None:
    member, time = Member(), Time()
    await member.assign(RETRY)
    member.partitions.defer(RETRY, 7, time.at + 0.5)
    await member.assign(BATCH)
    assert member.partitions.next_due_s(time.at) is None
    await member.assign(RETRY)
    assert member.partitions.takeable(lambda _: True, 1, time.at) == [RETRY]


async def test_sources_that_are_not_allowed_and_partitions_with_a_full_map_are_left_out() -> None:
    member = Member()
    await member.assign(BATCH, DIALOGUE)
    assert member.partitions.takeable(lambda source: source.lane is Lane.DIALOGUE, 1, 0) == [DIALOGUE]
    jobs = take(member, BATCH, *range(0, 60_000, 30))
    finish(member, jobs[2::2])
    assert member.partitions.takeable(lambda _: True, 1, 0) == [DIALOGUE]
    finish(member, jobs[1::2])
    assert set(member.partitions.takeable(lambda _: True, 1, 0)) == {BATCH, DIALOGUE}


async def test_rewinding_puts_each_partition_behind_the_last_record_that_was_received() -> None:
    member = Member()
    member.consumer.write(BATCH_1, 3, 4)
    await member.assign(BATCH, BATCH_1, DIALOGUE)
    take(member, BATCH, 0, 1)
    member.consumer.positions = {BATCH: 9, BATCH_1: 9, DIALOGUE: 9}
    await member.partitions.rewind([BATCH, BATCH_1])
    assert member.consumer.positions == {BATCH: 2, BATCH_1: 3, DIALOGUE: 9}


# What is measured


async def test_lag_is_what_is_unfinished_not_what_lies_behind_the_commit() -> None:
    member = Member()
    member.consumer.write(BATCH, *range(1000))
    await member.assign(BATCH)
    jobs = take(member, BATCH, *range(900))
    finish(member, jobs[1:])
    await member.finish()
    member.measure(10_000.0)
    assert member.gauge("tts_consumer_lag", Lane.BATCH) == 101
    assert member.gauge("tts_consumer_lag", Lane.DIALOGUE) == 0
    assert member.gauge("tts_oldest_unfinished_job_age_seconds", Lane.BATCH) == 10

    successor = Member(member.group)
    successor.consumer.write(BATCH, *range(1000))
    await successor.assign(BATCH)
    successor.measure(10_000.0)
    assert successor.gauge("tts_consumer_lag", Lane.BATCH) == 101, "what was done before a restart isn't to be done"


async def test_new_partitions_that_nobody_serves_yet_are_lag_of_the_one_who_has_partition_0(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first, second = Member(), Member()
    await first.assign(BATCH)
    await second.assign(BATCH_1)
    monkeypatch.setitem(PARTITIONS_OF, "tts.batch", {0, 1, 2, 3, 4})

    async def begins(partitions: Any) -> Any:
        return dict.fromkeys(partitions, 2)

    async def ends(partitions: Any) -> Any:
        return {partition: 2 if partition in {BATCH, BATCH_1} else 12 for partition in partitions}

    for member in (first, second):
        consumer: Any = member.consumer
        consumer.beginning_offsets, consumer.end_offsets = begins, ends
        monitor = LagMonitor(consumer, member.partitions, member.metrics, Time().clock)
        await monitor.look_up()
        monitor.measure()
    assert [each.gauge("tts_consumer_lag", Lane.BATCH) for each in (first, second)] == [20, 0]
    await first.assign(BATCH, *(TopicPartition("tts.batch", n) for n in (3, 4)))
    assert first.partitions.unserved() == []


async def test_lag_is_what_the_log_holds_also_where_nothing_could_be_fetched() -> None:
    member = Member()
    await member.assign(BATCH)
    finish(member, take(member, BATCH, 0, 1))
    consumer: Any = member.consumer

    async def begins(_: Any) -> Any:
        return {}

    async def ends(partitions: Any) -> Any:
        return dict.fromkeys(partitions, 1002)

    consumer.beginning_offsets, consumer.end_offsets = begins, ends
    monitor = LagMonitor(consumer, member.partitions, member.metrics, Time().clock)
    monitor.measure()
    assert member.gauge("tts_consumer_lag", Lane.BATCH) == 0
    await monitor.look_up()
    monitor.measure()
    assert member.gauge("tts_consumer_lag", Lane.BATCH) == 1000


async def test_what_is_owned_and_not_assigned_is_not_measured() -> None:
    member = Member()
    member.consumer.write(BATCH, *range(10))
    await member.assign(BATCH)
    member.consumer.positions = {}
    member.measure(0.0)
    assert member.gauge("tts_consumer_lag", Lane.BATCH) == 0


async def test_the_share_of_the_partitions_is_reported_at_each_assignment_and_kept_in_between() -> None:
    member = Member()
    shares = member.listener.shares
    await member.assign(BATCH, BATCH_1, RETRY)
    assert shares == [0.6]
    await member.rebalances.on_partitions_revoked({BATCH, BATCH_1, RETRY})
    assert shares == [0.6]
    member.consumer.assign(DIALOGUE)
    await member.rebalances.on_partitions_assigned({DIALOGUE})
    assert shares == [0.6, 0.2]


async def test_a_hand_over_lasts_from_the_revocation_until_the_jobs_of_lost_partitions_are_cancelled() -> None:
    member = Member()
    await member.assign(BATCH, BATCH_1)
    (job,) = take(member, BATCH, 0)
    finish(member, [job])
    calls = member.listener.calls
    calls.clear()
    with member.partitions.waiting(job[0], lambda: calls.append("job cancelled")):
        await member.rebalances.on_partitions_revoked(set())
        assert calls == []
        await member.rebalances.on_partitions_revoked({BATCH, BATCH_1})
        assert calls == ["hand-over began"]
        member.consumer.assign(BATCH_1)
        await member.rebalances.on_partitions_assigned({BATCH_1})
    assert calls == ["hand-over began", "job cancelled", "hand-over ended", "assigned"]
    assert job[0].lost
