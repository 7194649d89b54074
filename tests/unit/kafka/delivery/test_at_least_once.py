"""At least once: what is acknowledged is committed, a refusal is told once and tried again."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaTimeoutError
from structlog.testing import capture_logs

from schemas.enums import Lane
from tests.unit.standins import BATCH, Member
from tests.until import loop_until
from worker.jobs.outcome import Outcome
from worker.kafka.consumer.record import Record
from worker.kafka.delivery.at_least_once import AtLeastOnce
from worker.kafka.delivery.sender import RecordTooLargeError

OUTCOME = Outcome(None)


class Outbox:
    """Acknowledges when it is told to."""

    def __init__(self) -> None:
        self.acknowledged = asyncio.Event()
        self.refusal: Exception | None = None

    async def publish(self, _: Record, __: Outcome) -> None:
        await self.acknowledged.wait()
        if self.refusal is not None:
            raise self.refusal


class Delivering:
    def __init__(self) -> None:
        self.member = Member()
        self.outbox = Outbox()
        self.refusals: list[Exception] = []
        outbox: Any = self.outbox
        consumer: Any = self.member.consumer
        consumer.commit = self._commit
        self.delivery = AtLeastOnce(outbox, consumer, self.member.partitions, 0.001)
        self.member.rebalances = self.member.listen(self.delivery)

    async def _commit(self, commitments: Any) -> None:
        if self.refusals:
            raise self.refusals.pop(0)
        self.member.group.of_group |= commitments

    @property
    def committed(self) -> int | None:
        committed = self.member.group.of_group.get(BATCH)
        return None if committed is None else committed.offset

    def deliver(self, offset: int) -> asyncio.Task[None]:
        self.member.consumer.positions[BATCH] = offset + 1
        owned = self.member.partitions.received(BATCH, offset, 0)
        assert owned is not None
        record = Record(Lane.BATCH, "tts.batch", 0, offset, None, None)
        return asyncio.create_task(self.delivery.deliver(record, owned, OUTCOME))


async def test_an_offset_is_committed_after_its_outcome_is_acknowledged_and_not_before() -> None:
    made = Delivering()
    await made.member.assign(BATCH)
    job = made.deliver(0)
    await asyncio.sleep(0)
    await made.delivery.finish()
    assert made.committed == 0
    made.outbox.acknowledged.set()
    await job
    await made.delivery.finish()
    assert made.committed == 1


async def test_what_a_topic_refuses_is_told_and_never_committed() -> None:
    made = Delivering()
    await made.member.assign(BATCH)
    made.outbox.acknowledged.set()
    made.outbox.refusal = RecordTooLargeError("t")
    with pytest.raises(RecordTooLargeError):
        await made.deliver(0)
    await made.delivery.finish()
    assert made.committed == 0


@pytest.mark.parametrize("refusal", [CommitFailedError, IllegalStateError, KafkaTimeoutError])
async def test_refused_commits_are_told_once_a_row_and_tried_again(refusal: type[Exception]) -> None:
    made = Delivering()
    await made.member.assign(BATCH)
    made.outbox.acknowledged.set()
    for offset in range(2):
        await made.deliver(offset)
        made.refusals = [refusal("x") for _ in range(3)]
        with capture_logs() as logs:
            for _ in range(4):
                await made.delivery.finish()
        assert [each["event"] for each in logs] == ["commit_refused"]
        assert made.committed == offset + 1


async def test_partitions_are_handed_over_with_what_is_done_committed() -> None:
    made = Delivering()
    await made.member.assign(BATCH)
    made.outbox.acknowledged.set()
    await made.deliver(0)
    await made.member.assign()
    assert made.committed == 1


async def test_it_commits_by_itself_and_raises_what_the_rebalance_met() -> None:
    made = Delivering()
    await made.member.assign(BATCH)
    made.outbox.acknowledged.set()
    running = asyncio.create_task(made.delivery.run())
    await made.deliver(0)
    await loop_until(lambda: made.committed == 1)
    made.member.partitions.failure = RuntimeError("met in a rebalance")
    with pytest.raises(RuntimeError, match="met in a rebalance"):
        await asyncio.wait_for(running, 60)
