"""Writes revisions. A writer knows that it won when it has read its own record back."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass

from aiokafka.errors import KafkaError

from schemas.errors import RefusedError, UnavailableError
from schemas.revision import Measurement, Revision
from schemas.topics import ROLLOUT, prefixed
from worker.config.sections import KafkaSettings
from worker.kafka.client.factory import connect_producer
from worker.lifecycle.clock import Clock
from worker.rollout.changes import Change, Verb
from worker.rollout.log.codec import Made, current_state, revision_of
from worker.rollout.log.reader import RolloutLog
from worker.rollout.state import RolloutState


class SupersededError(UnavailableError):
    """Somebody else changed the rollout first; nothing of one's own counts. `winner` is theirs."""

    def __init__(self, winner: Revision) -> None:
        why = f" ({winner.reason})" if winner.reason else ""
        super().__init__(
            f"nothing changed: {winner.actor} made revision {winner.revision} at "
            f"{winner.time.isoformat(timespec='seconds')}{why}: {winner.before} → {winner.after}; "
            "look at `chirp-worker rollout status`, and ask again"
        )
        self.winner = winner


@dataclass(frozen=True)
class Author:
    """Who writes, and why."""

    actor: str
    reason: str = ""
    measured: tuple[Measurement, ...] = ()


Confirm = Callable[[Change], None]
"""Is shown a change that asks; raises what ends it."""


class RevisionWriter:
    """Changes the rollout.

    Args:
        log: read to its end.
        settings: of the cluster.
        clock: dates the revisions.
    """

    def __init__(self, log: RolloutLog, settings: KafkaSettings, clock: Clock) -> None:
        self._log = log
        self._settings = settings
        self._clock = clock

    async def change(self, verb: Verb, author: Author, confirm: Confirm, expected: int | None = None) -> Change:
        """Changes the current state by a verb.

        What widens exposure or takes the fallback away is confirmed, and fails when somebody else is faster. What
        narrows is done at once, on whatever the state is by then.

        Args:
            verb: makes a state of a state.
            author: who changes it.
            confirm: is shown what asks.
            expected: the number that the current revision must have, if it matters.

        Returns:
            The change, which may be none; its `after` has the new revision's number.

        Raises:
            SupersededError: somebody else has changed the rollout.
            RefusedError: the expected revision isn't there yet.
            ValidationError: actor or reason can't be written.
            KafkaError: Kafka doesn't answer; whether the change was made, the log says.
        """
        overtaken: SupersededError | None = None
        while True:
            before = current_state(self._log.fold)
            self._check_expected(expected)
            change = Change(before, verb(before), self._clock.now())
            if change.is_none:
                return change
            if change.asks and overtaken is not None:
                # It narrowed what was shown, and would widen what somebody has made of that since.
                raise overtaken
            if change.asks:
                confirm(change)
                await self._check_unchanged(before.revision)
            try:
                await self.write(before, change.after, author)
            except SupersededError as error:
                if change.asks:
                    raise
                overtaken = error
                continue
            return Change(before, current_state(self._log.fold), change.now)

    async def write(self, before: RolloutState, after: RolloutState, author: Author) -> Revision:
        """Writes one revision and reads it back.

        Args:
            before: the state that is current by the log as read.
            after: what it becomes.
            author: who writes it.

        Raises:
            SupersededError: another record stands before it in the log.
            KafkaError: it wasn't acknowledged and isn't in the log.
        """
        made = Made(author.actor, author.reason, self._clock.now(), uuid.uuid4().hex, author.measured)
        revision = revision_of(before, after, made)
        failure = await self._send(revision)
        winner = self._log.fold.by_number(revision.revision)
        if winner is None:
            raise failure or KafkaError(f"revision {revision.revision} was acknowledged and isn't in the log")
        if winner.id != revision.id:
            raise SupersededError(winner)
        return winner

    async def _send(self, revision: Revision) -> KafkaError | None:
        """Sends a record and reads the log to beyond it; an error is returned: it may be there all the same."""
        topic = prefixed(ROLLOUT, self._settings.topic_prefix)
        try:
            async with connect_producer(self._settings) as producer:
                sent = await producer.send_and_wait(topic, value=revision.model_dump_json().encode(), partition=0)
        except KafkaError as error:
            await self._log.read_to_end()
            return error
        await self._log.read_until(sent.offset + 1)
        return None

    async def _check_unchanged(self, revision: int) -> None:
        # A person may have thought for long.
        await self._log.read_to_end()
        winner = self._log.fold.by_number(revision + 1)
        if winner is not None:
            raise SupersededError(winner)

    def _check_expected(self, expected: int | None) -> None:
        if expected is None or expected == self._log.fold.revision:
            return
        winner = self._log.fold.by_number(expected + 1)
        if winner is None:
            raise RefusedError(f"--revision {expected}: the rollout is at revision {self._log.fold.revision}")
        raise SupersededError(winner)
