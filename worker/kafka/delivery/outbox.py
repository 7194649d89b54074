"""Outbox: builds the records of an outcome and publishes them. Only acknowledged outcomes may be committed."""

from dataclasses import dataclass
from typing import Final

import structlog

from schemas.completion import Completion
from schemas.events import completion_headers, event_id
from schemas.headers import REPLAY_NUMBER, header_number
from schemas.topics import COMPLETIONS, DEAD_LETTERS, prefixed, retry_topic
from worker.jobs.outcome import Outcome
from worker.kafka.consumer.record import Record
from worker.kafka.consumer.retry_headers import read_history, retry_headers
from worker.kafka.dead_letters.encoder import build_dead_letter, truncate
from worker.kafka.delivery.sender import Message, RecordTooLargeError, Sender
from worker.lifecycle.clock import Clock

_LONGEST_KEY: Final = 64 * 2**10
_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Addresses:
    """The prefix of the output topics, and the CloudEvents source of the events."""

    topic_prefix: str
    source: str

    @classmethod
    def for_group(cls, topic_prefix: str, group_id: str) -> "Addresses":
        """The addresses of a deployment with its own consumer group."""
        return cls(topic_prefix, f"/chirp-worker/{group_id}")


class OutcomeMessages:
    """Builds the records of outcomes. Pure but for its clock."""

    def __init__(self, addresses: Addresses, clock: Clock) -> None:
        self._prefix = addresses.topic_prefix
        self._source = addresses.source
        self._clock = clock

    def build(self, record: Record, outcome: Outcome, *, small: bool = False) -> list[Message]:
        """Builds the records of an outcome: a retry, or a dead letter, a completion, or both.

        Args:
            small: after a topic has refused the full size: a retry becomes a dead letter, and that is truncated.
        """
        now = self._clock.now()
        history = outcome.history or read_history(record, now)
        completion, problem, retry = outcome.completion, outcome.dead_letter, outcome.retry
        if retry is not None and small:
            completion, problem = retry.failed, retry.problem
        elif retry is not None:
            topic = prefixed(retry_topic(record.lane, retry.delay), self._prefix)
            return [Message(topic, record.key, record.value, retry_headers(record, history, retry))]
        messages = []
        if problem is not None:
            attempts = completion.attempts if completion is not None else history.attempts
            letter = build_dead_letter(record, problem, history, attempts, now)
            letter = truncate(letter) if small else letter
            topic = prefixed(DEAD_LETTERS, self._prefix)
            messages.append(Message(topic, letter.key, letter.value, letter.headers))
        if completion is not None:
            messages += self._completions(record, completion)
        return messages

    def _completions(self, record: Record, completion: Completion) -> list[Message]:
        """The completion for the shared topic, from which attempts are counted; a copy for the job's reply topic."""
        replay = header_number(record.headers, REPLAY_NUMBER) or 0
        headers = completion_headers(
            completion,
            event=event_id(completion.job_id, record.value or b"", completion.status, replay),
            source=self._source,
            now=self._clock.now(),
        )
        # An absurdly long key would make the completion too large for its topic.
        key = record.key if len(record.key or b"") <= _LONGEST_KEY else None
        value = completion.model_dump_json(exclude_none=True).encode()
        topics = [prefixed(COMPLETIONS, self._prefix)]
        if completion.reply_topic is not None:
            topics.append(completion.reply_topic)
        return [Message(topic, key, value, headers) for topic in topics]


class Outbox:
    """Publishes each outcome separately, as soon as it arrives."""

    def __init__(self, sender: Sender, messages: OutcomeMessages) -> None:
        self._sender = sender
        self._messages = messages

    async def publish(self, record: Record, outcome: Outcome) -> None:
        """Returns once Kafka has acknowledged all records of an outcome. Waits while Kafka doesn't answer.

        Raises:
            RecordTooLargeError: a topic's limit is below the documented one, and it refuses the outcome.
        """
        try:
            await self._sender.send(self._messages.build(record, outcome))
        except RecordTooLargeError as error:
            _log.warning(
                "outcome_cut", error=str(error), detail="`chirp-worker topics create` reports the settings that differ"
            )
            await self._sender.send(self._messages.build(record, outcome, small=True))
