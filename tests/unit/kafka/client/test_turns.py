"""The lanes' consumer takes from its partitions in turn, by aiokafka's own code over what a broker would have sent."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from types import SimpleNamespace
from typing import Any

from aiokafka import TopicPartition
from aiokafka.consumer import fetcher
from hypothesis import given
from hypothesis import strategies as st

from worker.kafka.client.consumer import _LanesConsumer

SIZES = st.lists(st.integers(min_value=1, max_value=40), min_size=1, max_size=6)
ROOMS = st.lists(st.integers(min_value=1, max_value=64), min_size=1, max_size=60)


def partition(number: int) -> TopicPartition:
    return TopicPartition("tts.dialogue", number)


class Fetched:
    """Records of one partition that were fetched and not taken."""

    def __init__(self, count: int) -> None:
        self.left = list(range(count))

    def getall(self, max_records: int) -> list[int]:
        taken, self.left = self.left[:max_records], self.left[max_records:]
        return taken

    def has_more(self) -> bool:
        return bool(self.left)


class Fetcher:
    """aiokafka's, with what it works on."""

    fetched_records = fetcher.Fetcher.fetched_records

    def __init__(self, sizes: Sequence[int]) -> None:
        self._subscriptions = SimpleNamespace(reassignment_in_progress=False)
        self._wait_consume_future = None
        self._records = OrderedDict((partition(number), Fetched(size)) for number, size in enumerate(sizes))

    def _notify(self, _: object) -> None:
        pass


class LanesConsumer(_LanesConsumer):
    """Without a cluster."""

    def __init__(self, sizes: Sequence[int]) -> None:
        self._closed = True
        self.fetcher: Any = Fetcher(sizes)
        self._fetcher = self.fetcher
        self._coordinator = SimpleNamespace(check_errors=lambda: None)
        self._subscription = SimpleNamespace(fetch_context=nullcontext)


@contextmanager
def own_results() -> Iterator[None]:
    """aiokafka asks for its own class of results by name."""
    own = fetcher.FetchResult
    fetcher.FetchResult = Fetched
    try:
        yield
    finally:
        fetcher.FetchResult = own


async def take(sizes: Sequence[int], rooms: Sequence[int]) -> list[list[int]]:
    """The partitions of the records that each poll takes."""
    consumer = LanesConsumer(sizes)
    every = [partition(number) for number in range(len(sizes))]
    polls = []
    for room in rooms:
        consumer._closed = False
        with own_results():
            taken = await consumer.getmany(*every, max_records=room)
        # Else aiokafka warns when it goes.
        consumer._closed = True
        polls.append([each.partition for each, records in taken.items() for _ in records])
    return polls


@given(SIZES, ROOMS)
async def test_no_partition_waits_for_more_than_one_turn_of_each_other(sizes: list[int], rooms: list[int]) -> None:
    polls = await take(sizes, rooms)
    left = list(sizes)
    turns_without = [0] * len(sizes)
    for poll in polls:
        for number in set(poll):
            left[number] -= poll.count(number)
            turns_without[number] = 0
        for number in set(range(len(sizes))) - set(poll):
            turns_without[number] += 1
            assert not left[number] or turns_without[number] < len(sizes)


@given(SIZES)
async def test_one_by_one_each_partition_gives_one_in_turn(sizes: list[int]) -> None:
    polls = await take(sizes, [1] * sum(sizes))
    first = [number for poll in polls for number in poll][: len(sizes) * min(sizes)]
    assert first == [*range(len(sizes))] * min(sizes)


@given(SIZES, ROOMS)
async def test_a_poll_takes_as_much_as_there_is_room_for(sizes: list[int], rooms: list[int]) -> None:
    polls = await take(sizes, rooms)
    left = sum(sizes)
    for poll, room in zip(polls, rooms, strict=True):
        assert len(poll) == min(room, left)
        left -= len(poll)
