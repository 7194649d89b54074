"""The sender waits until Kafka has all, by a new producer where the old one is beyond help."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiokafka.errors import (
    KafkaConnectionError,
    KafkaTimeoutError,
    MessageSizeTooLargeError,
    OutOfOrderSequenceNumber,
    ProducerClosed,
    RecordListTooLargeError,
)
from structlog.testing import capture_logs

from tests.until import loop_until
from worker.kafka.delivery import renewable_producer
from worker.kafka.delivery.renewable_producer import RenewableProducer
from worker.kafka.delivery.sender import Message, RecordTooLargeError, Sender


class Producer:
    """Acknowledges what its `answer` says nothing against."""

    def __init__(self, answer: Callable[[Message], Exception | None]) -> None:
        self.answer = answer
        self.acknowledged: list[Message] = []
        self.stopped = False
        self.seen: set[bytes | None] = set()
        self.under_way = 0
        self.most_at_once = 0
        self.repeated_beside = 0
        """How often a record was sent again while others were under way."""

    async def send(self, topic: str, *, value: Any, key: Any, headers: Any) -> asyncio.Future[None]:
        if self.stopped:
            raise ProducerClosed
        message = Message(topic, key, value, headers)
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.repeated_beside += value in self.seen and self.under_way > 0
        self.seen.add(value)
        self.under_way += 1
        self.most_at_once = max(self.most_at_once, self.under_way)
        asyncio.get_running_loop().call_soon(self._answer, message, future)
        return future

    def _answer(self, message: Message, future: asyncio.Future[None]) -> None:
        self.under_way -= 1
        if future.done():
            return
        error = self.answer(message)
        if error is None:
            self.acknowledged.append(message)
            future.set_result(None)
        else:
            future.set_exception(error)


class Cluster:
    """Opens producers, and remembers them; `refusals` of connections come first."""

    def __init__(self, *answers: Callable[[Message], Exception | None], refusals: int = 0) -> None:
        self.answers = [*answers]
        self.producers: list[Producer] = []
        self.refusals = refusals
        self.open = 0

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[Producer]:
        if self.producers and self.refusals:
            self.refusals -= 1
            raise KafkaConnectionError("down")
        producer = Producer(self.answers.pop(0) if len(self.answers) > 1 else self.answers[0])
        self.producers.append(producer)
        self.open += 1
        try:
            yield producer
        finally:
            producer.stopped = True
            self.open -= 1


@asynccontextmanager
async def sender_of(cluster: Cluster) -> AsyncIterator[Sender]:
    async with RenewableProducer(cluster.connect) as producing:
        yield Sender(producing)


def well(_: Message) -> Exception | None:
    return None


def ill(_: Message) -> Exception | None:
    return OutOfOrderSequenceNumber()


def message(number: int = 0, topic: str = "t") -> Message:
    return Message(topic, b"key", str(number).encode(), [("a", b"1")])


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(renewable_producer, "_LONGEST_WAIT_S", 0.01)


async def test_what_was_sent_is_acknowledged_as_it_was_given() -> None:
    cluster = Cluster(well)
    async with sender_of(cluster) as sender:
        await sender.send([message(1), message(2, "u")])
    assert cluster.producers[0].acknowledged == [message(1), message(2, "u")]
    assert cluster.open == 0


async def test_a_failed_producer_is_replaced_once_for_all_that_wait_and_all_is_sent_again() -> None:
    cluster = Cluster(ill, well)
    async with sender_of(cluster) as sender:
        with capture_logs() as logs:
            await asyncio.wait_for(asyncio.gather(*(sender.send([message(n)]) for n in range(200))), 60)
        assert len(cluster.producers) == 2
        assert sorted(int(m.value or b"") for m in cluster.producers[1].acknowledged) == [*range(200)]
        assert [each["event"] for each in logs] == ["producer_failed"]
        assert cluster.producers[0].stopped
        assert cluster.open == 1
    assert cluster.open == 0


async def test_what_is_sent_while_the_producer_is_replaced_waits_for_the_new_one() -> None:
    cluster = Cluster(ill, well, refusals=2)
    async with sender_of(cluster) as sender:
        first = asyncio.create_task(sender.send([message(1)]))
        await loop_until(lambda: cluster.producers[0].stopped)
        await asyncio.wait_for(sender.send([message(2)]), 60)
        await first
    assert len(cluster.producers) == 2
    assert sorted(int(m.value or b"") for m in cluster.producers[1].acknowledged) == [1, 2]


async def test_of_several_messages_all_are_sent_again_when_one_fails() -> None:
    cluster = Cluster(lambda sent: KafkaTimeoutError() if sent.topic == "u" else None, well)
    async with sender_of(cluster) as sender:
        await asyncio.wait_for(sender.send([message(1), message(2, "u")]), 60)
    assert cluster.producers[1].acknowledged == [message(1), message(2, "u")]


async def test_it_tries_until_a_producer_works_however_many_fail() -> None:
    cluster = Cluster(ill, ill, ill, ill, well, refusals=3)
    async with sender_of(cluster) as sender:
        await asyncio.wait_for(sender.send([message()]), 60)
    assert len(cluster.producers) == 5


@pytest.mark.parametrize("refusal", [MessageSizeTooLargeError, RecordListTooLargeError])
async def test_what_is_too_large_is_told_by_topic_and_size_and_the_producer_stays(refusal: type[Exception]) -> None:
    cluster = Cluster(lambda sent: refusal() if sent.topic == "u" else None)
    async with sender_of(cluster) as sender:
        with pytest.raises(RecordTooLargeError, match=r"u .*1,000 bytes"):
            await sender.send([Message("u", None, bytes(1000), [])])
        with pytest.raises(RecordTooLargeError):
            await sender.send([message(), message(1, "u")])
        await sender.send([message()])
    assert len(cluster.producers) == 1


async def test_what_is_refused_together_with_others_is_sent_once_more_alone() -> None:
    refused: set[bytes] = set()

    def refuse_once(sent: Message) -> Exception | None:
        value = sent.value or b""
        if value in refused:
            return None
        refused.add(value)
        return MessageSizeTooLargeError()

    cluster = Cluster(refuse_once)
    async with sender_of(cluster) as sender:
        await asyncio.wait_for(asyncio.gather(*(sender.send([message(n), message(n + 100)]) for n in range(50))), 60)
        assert len(cluster.producers[0].acknowledged) == 100
        assert cluster.producers[0].most_at_once > 1
        # Later ones share batches again.
        refused |= {str(n).encode() for n in range(200, 210)}
        await asyncio.wait_for(asyncio.gather(*(sender.send([message(n)]) for n in range(200, 210))), 60)
    assert cluster.producers[0].repeated_beside == 0


async def test_one_who_is_cancelled_while_replacing_leaves_it_to_the_next() -> None:
    cluster = Cluster(ill, well, refusals=sys.maxsize)
    async with sender_of(cluster) as sender:
        first = asyncio.create_task(sender.send([message(1)]))
        second = asyncio.create_task(sender.send([message(2)]))
        await loop_until(lambda: cluster.refusals < sys.maxsize)
        first.cancel()
        cluster.refusals = 3
        await asyncio.wait_for(second, 60)
        with pytest.raises(asyncio.CancelledError):
            await first
        await asyncio.wait_for(sender.send([message(3)]), 60)
    assert [int(m.value or b"") for m in cluster.producers[-1].acknowledged] == [2, 3]
    assert cluster.open == 0


async def test_what_is_no_error_of_kafkas_is_not_swallowed() -> None:
    def broken(_: Message) -> Exception:
        return TypeError("a fault of ours")

    async with sender_of(Cluster(broken)) as sender:
        with pytest.raises(TypeError):
            await sender.send([message()])
