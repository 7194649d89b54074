"""Writes revisions to `tts.rollout` by optimistic concurrency: read, change, append, read back.

Several writers may append to the same base; the first record counts. Kafka's acknowledgement doesn't show which one
that is. A writer therefore reads the log back: it has won if the revision that counts is its own record.
"""

import uuid
from collections.abc import Callable

from aiokafka.errors import KafkaError

from schemas.errors import RefusedError, UnavailableError
from schemas.revision import Revision
from schemas.topics import ROLLOUT, prefixed
from worker.config.sections import KafkaSettings
from worker.kafka.client.producer import connect_producer
from worker.lifecycle.clock import Clock
from worker.rollout.changes import Change, Verb
from worker.rollout.log.codec import Provenance, current_state, to_revision
from worker.rollout.log.reader import RolloutLog
from worker.rollout.state import RolloutState


class SupersededError(UnavailableError):
    """Somebody else changed the rollout first, and our change doesn't count. `winner` is their revision."""

    def __init__(self, winner: Revision) -> None:
        why = f" ({winner.reason})" if winner.reason else ""
        super().__init__(
            f"nothing changed: {winner.actor} made revision {winner.revision} at "
            f"{winner.time.isoformat(timespec='seconds')}{why}: {winner.before} → {winner.after}; "
            "check `chirp-worker rollout status` and try again"
        )
        self.winner = winner


ConfirmChange = Callable[[Change], None]
"""Called with a change that needs confirmation. It returns to confirm the change, and raises to cancel it."""


class RevisionWriter:
    """Changes the rollout.

    Args:
        log: read to its end.
    """

    def __init__(self, log: RolloutLog, settings: KafkaSettings, clock: Clock) -> None:
        self._log = log
        self._settings = settings
        self._clock = clock

    async def change(
        self, verb: Verb, provenance: Provenance, confirm: ConfirmChange, expected: int | None = None
    ) -> Change:
        """Applies a verb to the current state.

        A change that widens exposure or turns the fallback off needs confirmation; it fails if another writer wins.
        A change that narrows exposure is applied at once; if another writer wins, it is applied to their state.

        Args:
            confirm: called if the change needs confirmation.
            expected: the number that the current revision must have; None accepts any.

        Returns:
            The change, which may be a no-op; its `after` has the new revision's number.

        Raises:
            SupersededError: somebody else has changed the rollout.
            RefusedError: the expected revision doesn't exist yet.
            ValidationError: the actor or the reason is not valid.
            KafkaError: Kafka doesn't answer; the log shows whether the change was made.
        """
        superseded_by: SupersededError | None = None
        while True:
            before = current_state(self._log.revisions)
            self._check_expected(expected)
            change = Change(before, verb(before), self._clock.now())
            if change.is_noop:
                return change
            if change.needs_confirmation and superseded_by is not None:
                # It narrowed the state that it was made for, and would widen the state that somebody has written since.
                raise superseded_by
            if change.needs_confirmation:
                confirm(change)
                await self._check_unchanged(before.revision)
            try:
                await self.write(before, change.after, provenance)
            except SupersededError as error:
                if change.needs_confirmation:
                    raise
                superseded_by = error
                continue
            return Change(before, current_state(self._log.revisions), change.now)

    async def seed(self, state: RolloutState, provenance: Provenance, confirm: ConfirmChange) -> Change:
        """Makes the first revision; leaves a log that has one as it is.

        Args:
            confirm: called if the state exposes somebody.

        Returns:
            The change; a no-op where the log has a revision.

        Raises:
            SupersededError: somebody else has made the first revision.
            ValidationError: the actor or the reason is not valid.
            KafkaError: Kafka doesn't answer; the log shows whether the change was made.
        """
        change = Change(current_state(self._log.revisions), state, self._clock.now())
        if self._log.revisions.current is None:
            if change.needs_confirmation:
                confirm(change)
                await self._check_unchanged(change.before.revision)
            await self.write(change.before, state, provenance)
        return Change(change.before, current_state(self._log.revisions), change.now)

    async def write(self, before: RolloutState, after: RolloutState, provenance: Provenance) -> Revision:
        """Appends one revision and reads it back.

        Args:
            before: the current state, by the log as far as it is read.
            after: the new state.

        Raises:
            SupersededError: another record on the same base is before it in the log.
            KafkaError: the record was not acknowledged and is not in the log.
        """
        revision = to_revision(before, after, provenance, time=self._clock.now(), identity=uuid.uuid4().hex)
        failure = await self._send(revision)
        winner = self._log.revisions.by_number(revision.revision)
        if winner is None:
            raise failure or KafkaError(f"revision {revision.revision} was acknowledged but is not in the log")
        if winner.id != revision.id:
            raise SupersededError(winner)
        return winner

    async def _send(self, revision: Revision) -> KafkaError | None:
        """Appends a record and reads the log past it. Returns an error: the record may be in the log anyway."""
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
        # Confirmation by a person may have taken long.
        await self._log.read_to_end()
        winner = self._log.revisions.by_number(revision + 1)
        if winner is not None:
            raise SupersededError(winner)

    def _check_expected(self, expected: int | None) -> None:
        if expected is None or expected == self._log.revisions.revision:
            return
        winner = self._log.revisions.by_number(expected + 1)
        if winner is None:
            raise RefusedError(f"--revision {expected}: the rollout is at revision {self._log.revisions.revision}")
        raise SupersededError(winner)
