"""What a group has committed is asked until there is an answer for each partition."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import GroupCoordinatorNotAvailableError, KafkaConnectionError
from aiokafka.structs import OffsetAndMetadata

from worker.kafka.client.committed_offsets import NOTHING, CommittedOffsets

A, B = TopicPartition("t", 0), TopicPartition("t", 1)
AT_A, AT_B = OffsetAndMetadata(5, "map"), OffsetAndMetadata(7, "")


class Admin:
    """Gives its answers one after the other, the last one again and again."""

    def __init__(self, *answers: Any) -> None:
        self.answers = [*answers]
        self.requested: list[tuple[str, list[TopicPartition]]] = []

    async def list_consumer_group_offsets(self, group: str, *, partitions: list[TopicPartition]) -> Any:
        self.requested.append((group, partitions))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


async def read(admin: Admin, *partitions: TopicPartition) -> Any:
    return await asyncio.wait_for(CommittedOffsets(admin, "group").fetch(set(partitions)), 60)


async def test_offsets_come_with_their_metadata() -> None:
    admin = Admin({A: AT_A, B: AT_B})
    assert await read(admin, A, B) == {A: AT_A, B: AT_B}
    assert admin.requested[0][0] == "group"


async def test_where_nothing_was_committed_kafka_says_so_with_minus_one() -> None:
    assert await read(Admin({A: OffsetAndMetadata(-1, "x"), B: AT_B}), A, B) == {A: NOTHING, B: AT_B}


async def test_an_answer_that_leaves_a_partition_out_is_asked_again() -> None:
    admin = Admin({}, {A: AT_A}, {A: AT_A, B: AT_B})
    assert await read(admin, A, B) == {A: AT_A, B: AT_B}
    assert len(admin.requested) == 3


@pytest.mark.parametrize("error", [KafkaConnectionError(), GroupCoordinatorNotAvailableError(), OSError()])
async def test_while_kafka_does_not_answer_it_is_asked_again(error: Exception) -> None:
    assert await read(Admin(error, error, {A: AT_A}), A) == {A: AT_A}


async def test_a_fault_of_ours_is_no_reason_to_ask_again() -> None:
    with pytest.raises(TypeError):
        await read(Admin(TypeError()), A)


async def test_what_was_not_asked_for_is_left_out_and_for_nothing_nobody_is_asked() -> None:
    assert await read(Admin({A: AT_A, B: AT_B}), A) == {A: AT_A}
    admin = Admin({})
    assert await read(admin) == {}
    assert admin.requested == []
