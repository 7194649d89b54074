"""Sender: sends records and retries until Kafka has acknowledged them."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from aiokafka.errors import KafkaError, MessageSizeTooLargeError, RecordListTooLargeError

from schemas.errors import ChirpWorkerError
from schemas.headers import Headers
from worker.kafka.client.producer import Producer
from worker.kafka.delivery.renewable_producer import RenewableProducer

TOO_LARGE: Final = (MessageSizeTooLargeError, RecordListTooLargeError)
"""What Kafka answers, or aiokafka raises, for a record or a batch that is too large."""


class RecordTooLargeError(ChirpWorkerError):
    """Topics take no records of this size; the message names topics and sizes.

    Attributes:
        topics: those that refused.
    """

    def __init__(self, message: str, topics: frozenset[str] = frozenset()) -> None:
        super().__init__(message)
        self.topics = topics


@dataclass(frozen=True)
class Message:
    """A record to be sent."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Headers


class Sender:
    """Sends through a producer that is replaced when it fails."""

    def __init__(self, producing: RenewableProducer) -> None:
        self._producing = producing
        self._alone = asyncio.Lock()
        self._under_way = 0
        self._changed = asyncio.Event()

    async def send(self, messages: Sequence[Message]) -> None:
        """Returns once Kafka has acknowledged all messages. Waits while Kafka doesn't answer.

        If one fails, all are sent again, acknowledged ones too.

        Raises:
            RecordTooLargeError: topics refuse a record of that size; the other messages are acknowledged.
        """
        while True:
            producer = self._producing.producer
            try:
                if len(messages) == 1:
                    await self._send_one(producer, messages[0])
                else:
                    each = [self._send_one(producer, message) for message in messages]
                    _raise_worst(await asyncio.gather(*each, return_exceptions=True))
            except KafkaError as error:
                await self._producing.renew(producer, error)
            else:
                self._producing.worked()
                return

    async def _send_one(self, producer: Producer, message: Message) -> None:
        while self._alone.locked():
            await self._wait_for_change()
        try:
            await self._until_acknowledged(producer, message)
        except TOO_LARGE:
            await self._send_alone(producer, message)

    async def _send_alone(self, producer: Producer, message: Message) -> None:
        """Sends a refused record once more, without others: a topic refuses a whole batch, with all that is in it."""
        try:
            async with self._alone:
                while self._under_way:
                    await self._wait_for_change()
                await self._until_acknowledged(producer, message)
        except TOO_LARGE:
            text = f"{message.topic} takes no record with a value of {len(message.value or b''):,} bytes"
            raise RecordTooLargeError(text, frozenset({message.topic})) from None
        finally:
            # Those that wait for the lock to be free wait for this too.
            self._changed.set()

    async def _until_acknowledged(self, producer: Producer, message: Message) -> None:
        self._under_way += 1
        try:
            acknowledged = await producer.send(
                message.topic, value=message.value, key=message.key, headers=message.headers
            )
            await acknowledged
        finally:
            self._under_way -= 1
            self._changed.set()

    async def _wait_for_change(self) -> None:
        self._changed.clear()
        await self._changed.wait()


def _raise_worst(results: Sequence[BaseException | None]) -> None:
    """Raises an error after which all is sent again; else one that names all topics that refuse a record."""
    errors = [each for each in results if each is not None]
    refusals = [each for each in errors if isinstance(each, RecordTooLargeError)]
    for error in errors:
        if error not in refusals:
            raise error
    if refusals:
        topics = frozenset[str]().union(*(each.topics for each in refusals))
        raise RecordTooLargeError("; ".join(map(str, refusals)), topics)
