"""Sends the announcements of a rollout's transitions to webhooks: each once, over all leaders.

Each address has its own mailbox, so that one that fails holds no other back. What is still to be sent is part of the
leader's commit, so that the next leader sends that alone.
"""

import asyncio
import json
import math
from collections.abc import Callable, Mapping
from typing import Final

import structlog

from schemas.revision import Revision
from worker.rollout.controller.announcements import Announcement, announcement_for
from worker.rollout.controller.mailbox import Mailbox, Message, Sent
from worker.rollout.controller.receiver import Receiver
from worker.rollout.log.revisions import RevisionLog
from worker.rollout.plan.active import active_plan
from worker.rollout.plan.document import InvalidFileError

_LONG_S: Final = 600.0
_POLL_S: Final = 0.2
# Kafka's limit of a commit's metadata is 4,096 bytes.
_LONGEST_NOTE: Final = 4000
_log = structlog.get_logger(__name__)


class RevisionHistory:
    """The revisions that the controller has read, and up to which offset: they show which records count."""

    def __init__(self) -> None:
        self.revisions = RevisionLog()
        self.position = 0


class WebhookNotifier:
    """Announces the records of the log that are transitions, while this controller leads.

    Args:
        receivers: of each audience. Audiences with the same address and key get one message together.
        history: kept up to date by the controller.
        catalogue: the keys of all characters.
        topic: of the log.
        count: counts an attempt to send a message, by audience.
        retry_after_s: the back-off after a webhook's first failure, doubled up to a minute.
    """

    def __init__(
        self,
        receivers: Mapping[str, Receiver],
        history: RevisionHistory,
        catalogue: frozenset[str],
        *,
        topic: str,
        count: Callable[[str, Sent], None],
        retry_after_s: float = 1.0,
    ) -> None:
        self._receivers = receivers
        self._history = history
        self._catalogue = catalogue
        self._topic = topic
        self._count = count
        self._retry_after_s = retry_after_s
        first: dict[tuple[str, str], str] = {}
        # The audience in whose name messages are sent.
        self._first_of = {name: first.setdefault(_endpoint(receiver), name) for name, receiver in receivers.items()}
        self._boxes: dict[str, Mailbox] = {}
        self._begins: dict[str, int] = {}
        self._committed = 0
        # Infinite once the failure is an error in the log.
        self._failing_since: dict[str, float] = {}

    def begin(self, committed: int, note: str) -> int:
        """Begins to lead: returns the offset at which to begin to read.

        Args:
            committed: the offset after the last record that a leader has handled.
            note: of that leader's commit; empty if there is none.
        """
        undelivered = _read_note(note)
        self._committed = committed
        self._begins = {name: min(committed, undelivered.get(name, committed)) for name in self._first_of.values()}
        self._boxes = {name: self._mailbox(name) for name in self._begins}
        return min(self._begins.values(), default=committed)

    @property
    def note(self) -> str:
        """What is still to be sent: for each audience the offset of its oldest undelivered message."""
        undelivered = {name: box.undelivered for name, box in self._boxes.items() if box.undelivered is not None}
        note = json.dumps(undelivered, separators=(",", ":")) if undelivered else ""
        return note if len(note.encode()) <= _LONGEST_NOTE else ""

    def waiting_for(self, audience: str) -> int:
        """How many messages wait for an audience's webhook; 0 for one that shares an earlier one's address."""
        box = self._boxes.get(audience)
        return box.waiting if box else 0

    async def handle_record(self, offset: int, value: bytes | None) -> None:
        """Puts a record's announcement into the mailboxes of its audiences, if it is a transition."""
        found = await self._announcement(offset, value)
        if found is None:
            return
        announcement, identity = found
        if offset >= self._committed:
            _log.info("rollout_transition", text=announcement.message.data.text, audiences=list(announcement.audiences))
            self._log_unreachable(announcement)
        names = (self._first_of[audience] for audience in announcement.audiences if audience in self._first_of)
        for name in dict.fromkeys(names):
            if offset >= self._begins.get(name, 0):
                box = self._boxes.setdefault(name, self._mailbox(name))
                box.put(Message(offset, identity, announcement.message))

    async def drain(self) -> None:
        """Waits until all messages are delivered or refused."""
        for box in self._boxes.values():
            await box.drain()

    async def stop(self) -> None:
        """Sends nothing more, because another controller may lead from now on; `note` says what is left."""
        await asyncio.gather(*(box.stop() for box in self._boxes.values()))

    async def _announcement(self, offset: int, value: bytes | None) -> tuple[Announcement, str] | None:
        try:
            revision = Revision.model_validate_json(value or b"")
        except ValueError:
            return None
        # Whether the record counts is known once the controller has read past it.
        while self._history.position <= offset:  # noqa: ASYNC110
            await asyncio.sleep(_POLL_S)
        revisions = self._history.revisions
        accepted = revisions.by_number(revision.revision)
        if accepted is None or accepted.id != revision.id:
            return None
        before = revisions.by_number(revision.base)
        run = revision.run or (before.run if before else None)
        try:
            plan = None if run is None else active_plan(run, self._catalogue)
        except InvalidFileError:
            plan = None
        announcement = announcement_for(before, revision, plan, self._topic)
        return None if announcement is None else (announcement, revision.id)

    def _log_unreachable(self, announcement: Announcement) -> None:
        missing = [audience for audience in announcement.audiences if audience not in self._receivers]
        for audience in missing:
            _log.warning("rollout_audience_unreachable", audience=audience, detail="ROLLOUT_WEBHOOKS has no address")
        if announcement.is_roll_back and len(missing) == len(announcement.audiences):
            detail = "the plan names no audience" if not missing else "ROLLOUT_WEBHOOKS has none of its audiences"
            _log.error("rollout_nobody_notified", detail=f"{detail}; `rollout plan check` reports what is silent")

    def _mailbox(self, audience: str) -> Mailbox:
        async def send(message: Message) -> Sent:
            return await self._send(audience, message)

        return Mailbox(send, self._retry_after_s)

    async def _send(self, audience: str, message: Message) -> Sent:
        delivery = await self._receivers[audience].send(message.identity, message.announcement)
        self._count(audience, delivery.sent)
        named = {"audience": audience, "error": delivery.error, "status": delivery.status}
        if delivery.sent is Sent.REFUSED:
            _log.error("rollout_webhook_failed", **named, detail="it refused the message, which isn't sent again")
        elif delivery.sent is Sent.FAILED:
            self._log_failure(audience, named)
        elif self._failing_since.pop(audience, None) is not None:
            _log.info("rollout_webhook_recovered", audience=audience)
        return delivery.sent

    def _log_failure(self, audience: str, named: Mapping[str, object]) -> None:
        now = asyncio.get_running_loop().time()
        if audience not in self._failing_since:
            self._failing_since[audience] = now
            _log.warning("rollout_webhook_failing", **named, detail="trying again; the newest message replaces others")
        elif now - self._failing_since[audience] > _LONG_S:
            self._failing_since[audience] = math.inf
            _log.error("rollout_webhook_failed", **named, detail="for ten minutes; trying again every minute")


def _endpoint(receiver: Receiver) -> tuple[str, str]:
    key = receiver.key.get_secret_value() if receiver.key is not None else ""
    return receiver.address.get_secret_value(), key


def _read_note(note: str) -> dict[str, int]:
    """Return the offsets by audience; a note that can't be read, of another version, says nothing."""
    try:
        read = json.loads(note or "{}")
        return {str(name): int(offset) for name, offset in read.items()}
    except (ValueError, TypeError, AttributeError):
        return {}
