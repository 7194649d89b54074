"""Commits of the leader: the last one that Kafka gets says what is true."""

from __future__ import annotations

import asyncio
from typing import Any

from aiokafka import TopicPartition
from aiokafka.structs import OffsetAndMetadata

from worker.config.settings import load_settings
from worker.rollout.controller.leader_election import LeaderElection

PARTITION = TopicPartition("tts.rollout", 0)


class Handler:
    """Has one message left until it is stopped."""

    note = "a message is left"

    def begin(self, committed: int, note: str) -> int:  # noqa: ARG002
        return committed

    async def handle_record(self, offset: int, value: bytes | None) -> None:
        """Does nothing."""

    async def stop(self) -> None:
        """Its message has been sent."""
        self.note = ""


class SlowFirstCommit:
    """Kafka takes the first commit later than any other, as one that is tried again."""

    def __init__(self) -> None:
        self.taken: list[str] = []
        self.begun = asyncio.Event()
        self.goes_on = asyncio.Event()

    def assignment(self) -> set[TopicPartition]:
        return {PARTITION}

    async def commit(self, offsets: dict[TopicPartition, OffsetAndMetadata]) -> None:
        if not self.begun.is_set():
            self.begun.set()
            await self.goes_on.wait()
        self.taken.append(offsets[PARTITION].metadata)


async def test_a_commit_that_is_tried_again_doesn_t_follow_that_of_the_hand_over() -> None:
    election = LeaderElection(load_settings({}).kafka, Handler())
    consumer: Any = SlowFirstCommit()
    election._consumer, election._is_begun = consumer, True
    own = asyncio.create_task(election._commit(consumer))
    await consumer.begun.wait()
    hand_over = asyncio.create_task(election._hand_over())
    # Both would end here if neither waited for the other.
    for _ in range(10):
        await asyncio.sleep(0)
    consumer.goes_on.set()
    await asyncio.gather(own, hand_over)
    assert consumer.taken == ["a message is left", ""]
