"""Outbox: builds the records of an outcome and publishes them. Only acknowledged outcomes may be committed."""

import asyncio
from dataclasses import dataclass
from typing import Final

import structlog

from schemas.completion import Completion
from schemas.events import completion_headers, event_id
from schemas.headers import MOST_REPLAYS, REPLAY_NUMBER, header_number, passed_headers
from schemas.topics import COMPLETIONS, DEAD_LETTERS, STREAMS, lane_of, prefixed, retry_topic, unprefixed
from worker.jobs.outcome import Outcome
from worker.kafka.consumer.record import Record
from worker.kafka.consumer.retry_headers import read_history, retry_headers
from worker.kafka.dead_letters.encoder import bare_letter, build_dead_letter, truncate
from worker.kafka.delivery.cut import WHOLE, Cut, Part, Step, completion_refused, shorten
from worker.kafka.delivery.sender import Message, RecordTooLargeError, Sender
from worker.lifecycle.clock import Clock
from worker.observability.tracing.tracer import NO_PUBLISHING, NO_TRACER, Publishing, Tracer

_LONGEST_KEY: Final = {Step.WHOLE: 64 * 2**10, Step.SHORT: 2**8, Step.LEAST: 0}
_CUT_LETTER: Final = {Step.WHOLE: lambda letter: letter, Step.SHORT: truncate, Step.LEAST: bare_letter}
_ALL_LEAST: Final = Cut(Step.LEAST, Step.LEAST, Step.LEAST)
_REFUSED_S: Final = 5.0
_ADVICE: Final = "`chirp-worker topics create` reports the topics whose settings differ from the table"
_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Addresses:
    """The prefix of the output topics, the CloudEvents source of the events, and the worker's name in them."""

    topic_prefix: str
    source: str
    worker: str = ""

    @classmethod
    def for_group(cls, topic_prefix: str, group_id: str, worker: str = "") -> "Addresses":
        """The addresses of a deployment with its own consumer group."""
        return cls(topic_prefix, f"/chirp-worker/{group_id}", worker)


class OutcomeMessages:
    """Builds the records of outcomes. Pure but for its clock.

    Attributes:
        source: a URI reference that names the worker's consumer group.
    """

    def __init__(self, addresses: Addresses, clock: Clock) -> None:
        self._prefix = addresses.topic_prefix
        self.source = addresses.source
        self._worker = addresses.worker
        self._clock = clock

    def build(
        self, record: Record, outcome: Outcome, cut: Cut = WHOLE, publishing: Publishing = NO_PUBLISHING
    ) -> list[Message]:
        """Builds the records of an outcome: a retry, or a dead letter, a completion, or both.

        Args:
            cut: what is left out, because topics have refused the larger ones.
            publishing: adds the context of each record's span, unless the least of a record is to be sent.
        """
        now = self._clock.now()
        history = outcome.history or read_history(record, now)
        completion, problem, retry = outcome.completion, outcome.dead_letter, outcome.retry
        if retry is not None and cut.letter is Step.WHOLE:
            topic = prefixed(retry_topic(record.lane, retry.delay), self._prefix)
            headers = publishing.headers(topic, retry_headers(record, history, retry))
            return [Message(topic, record.key, record.value, headers)]
        if retry is not None:
            completion, problem = retry.failed, retry.problem
        if completion is not None and cut.completion is Step.LEAST:
            problem, cut = problem or completion_refused(completion), _ALL_LEAST
        messages = []
        if problem is not None:
            attempts = completion.attempts if completion is not None else history.attempts
            letter = build_dead_letter(record, problem, history, attempts, now)
            letter = _CUT_LETTER[cut.letter](letter)
            topic = prefixed(DEAD_LETTERS, self._prefix)
            headers = letter.headers if cut.letter is Step.LEAST else publishing.headers(topic, letter.headers)
            messages.append(Message(topic, letter.key, letter.value, headers))
        if completion is not None:
            messages += self._completions(record, completion, cut, publishing)
        return messages

    def part_in(self, topic: str) -> Part:
        """Which part of an outcome is published in a topic."""
        if topic == prefixed(COMPLETIONS, self._prefix):
            return "completion"
        name = unprefixed(topic, self._prefix)
        return "letter" if name == DEAD_LETTERS or lane_of(name) is not None else "reply"

    def _completions(self, record: Record, completion: Completion, cut: Cut, publishing: Publishing) -> list[Message]:
        """The completion for the shared topic, from which attempts are counted; a copy for the job's reply topic."""
        replay = header_number(record.headers, REPLAY_NUMBER, MOST_REPLAYS) or 0
        headers = completion_headers(
            completion,
            event=event_id(completion.job_id, record.value or b"", completion.status, replay),
            source=self.source,
            now=self._clock.now(),
            worker=self._worker,
        )
        passed = passed_headers(record.headers)
        topics = {prefixed(COMPLETIONS, self._prefix): cut.completion}
        # The HTTP API reads completions in their own topic.
        if completion.reply_topic not in {None, prefixed(STREAMS, self._prefix)}:
            topics[completion.reply_topic] = cut.reply
        messages = []
        for topic, step in topics.items():
            published = completion if step is Step.WHOLE else shorten(completion)
            # An absurdly long key would make the completion too large for its topic.
            key = record.key if len(record.key or b"") <= _LONGEST_KEY[step] else None
            value = published.model_dump_json(exclude_none=True).encode()
            if step is not Step.LEAST:
                own = [*headers, *passed] if step is Step.WHOLE else headers
                messages.append(Message(topic, key, value, publishing.headers(topic, own)))
        return messages


class Outbox:
    """Publishes each outcome separately, as soon as it arrives."""

    def __init__(self, sender: Sender, messages: OutcomeMessages, tracer: Tracer = NO_TRACER) -> None:
        self._sender = sender
        self._messages = messages
        self._tracer = tracer

    async def publish(self, record: Record, outcome: Outcome) -> None:
        """Returns once Kafka has acknowledged all records of an outcome. Waits while Kafka doesn't answer.

        What a topic refuses as too large is cut, step by step. If even the least of it is refused, it is sent again
        until somebody has corrected the topic: nothing may be committed, and a restart would only repeat the job.
        """
        with self._tracer.publish() as publishing:
            await self._publish(record, outcome, publishing)

    async def _publish(self, record: Record, outcome: Outcome, publishing: Publishing) -> None:
        cut, acknowledged = WHOLE, set[str]()
        while True:
            built = self._messages.build(record, outcome, cut, publishing)
            messages = [m for m in built if m.topic not in acknowledged]
            try:
                await self._sender.send(messages)
            except RecordTooLargeError as error:
                refused = error.topics or {each.topic for each in messages}
                acknowledged |= {each.topic for each in messages} - refused
                for topic in refused:
                    publishing.refused(topic, type(error).__name__)
                    further = cut.further(self._messages.part_in(topic))
                    log_refusal(record, topic, error, is_cut=further is not None)
                    if further is None:
                        await asyncio.sleep(_REFUSED_S)
                    cut = further or cut
            else:
                return


def log_refusal(record: Record, topic: str, error: Exception, *, is_cut: bool) -> None:
    """Logs that a topic has refused a record of an outcome; `is_cut` says that a smaller one is sent next."""
    place = {"topic": record.topic, "partition": record.partition, "offset": record.offset, "refused_by": topic}
    if is_cut:
        _log.warning("outcome_cut", **place, error=str(error), detail=_ADVICE)
    else:
        detail = f"nothing is left to leave out, and it is sent again until the topic is corrected: {_ADVICE}"
        _log.error("outcome_refused", **place, error=str(error), detail=detail)
