"""Sender: sends records and retries until Kafka has acknowledged them."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from aiokafka.errors import KafkaError, MessageSizeTooLargeError, RecordListTooLargeError

from schemas.errors import ChirpWorkerError
from schemas.headers import Headers
from worker.kafka.client.producer import Producer
from worker.kafka.delivery.producer import RenewableProducer


class RecordTooLargeError(ChirpWorkerError):
    """The topic takes no record of this size; the message names topic and size."""


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

    async def send(self, messages: Sequence[Message]) -> None:
        """Returns once Kafka has acknowledged all messages. Waits while Kafka doesn't answer.

        If one fails, all are sent again, acknowledged ones too.

        Raises:
            RecordTooLargeError: a topic refuses a record of that size.
        """
        while True:
            producer = self._producing.producer
            try:
                if len(messages) == 1:
                    await self._send_one(producer, messages[0])
                else:
                    await asyncio.gather(*(self._send_one(producer, message) for message in messages))
            except KafkaError as error:
                await self._producing.renew(producer, error)
            else:
                self._producing.worked()
                return

    async def _send_one(self, producer: Producer, message: Message) -> None:
        try:
            acknowledged = await producer.send(
                message.topic, value=message.value, key=message.key, headers=message.headers
            )
            await acknowledged
        except (MessageSizeTooLargeError, RecordListTooLargeError):
            size = len(message.value or b"")
            raise RecordTooLargeError(f"{message.topic} takes no record with a value of {size:,} bytes") from None
