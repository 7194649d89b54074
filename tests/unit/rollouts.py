"""What the tests of the rollout share: states, revisions, strategies, a log in memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from aiokafka import TopicPartition
from hypothesis import strategies as st

from schemas.revision import FULL_PERCENTAGE, Revision
from tests.unit.makers import CHIRP
from worker.lifecycle.clock import Clock
from worker.rollout.decision import DecisionRequest, bucket_of, decide
from worker.rollout.log.codec import Provenance, to_revision
from worker.rollout.log.reader import RolloutLog
from worker.rollout.state import RolloutState

NOW = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
PARTITION = TopicPartition("tts.rollout", 0)
CHARACTERS = ("pip_boy", "ghoul", "raider")
# One that no state names: it stands for all others.
REQUESTED = (*CHARACTERS, "codsworth")
TIMES = [NOW + hours * HOUR for hours in (-1, 0, 1, 2, 3, 30)]

PERCENTAGES = (0, 1, 1_000, 5_000, 9_999, FULL_PERCENTAGE)
SALTS = ("", "2026")


def _users() -> list[str]:
    """For each salt a user between any two neighbours of PERCENTAGES: together they distinguish any two of those."""
    found: dict[tuple[str, int], str] = {}
    for number in range(1_000_000):
        for salt in SALTS:
            bucket = bucket_of(salt, f"user-{number}")
            found.setdefault((salt, sum(bucket >= edge for edge in PERCENTAGES)), f"user-{number}")
        if len(found) == len(SALTS) * (len(PERCENTAGES) - 1):
            break
    return sorted(found.values())


USERS = _users()
names = st.frozensets(st.sampled_from(CHARACTERS))
states = st.builds(
    RolloutState,
    enabled=st.booleans(),
    percentage=st.sampled_from(PERCENTAGES),
    characters=st.none() | names,
    excluded=names,
    quarantined=st.dictionaries(st.sampled_from(CHARACTERS), st.sampled_from(TIMES), max_size=3),
    fallback=st.booleans(),
    salt=st.sampled_from(SALTS),
)


def revision(base: int = 0, identity: str = "one", actor: str = "anna", **changes: Any) -> Revision:
    before = RolloutState(enabled=False, percentage=0, characters=None, revision=base)
    after = RolloutState(**{"enabled": True, "percentage": 1_000, "characters": None, **changes})
    return to_revision(before, after, Provenance(actor, "since I say so"), time=NOW, identity=identity)


def value(made: Revision) -> bytes:
    return made.model_dump_json().encode()


def exposed(state: RolloutState, at: datetime) -> set[tuple[str, str]]:
    """Who gets Chirp by the real decision: character and user."""
    return {
        (character, user)
        for character in REQUESTED
        for user in USERS
        if decide(state, DecisionRequest(character, user, chirp_speaks_language=True), at).voice_model is CHIRP
    }


@dataclass
class Record:
    value: bytes | None
    readable: bool = True


@dataclass
class Sent:
    offset: int


@dataclass
class Topic:
    """Stands for the topic and its producer; what `before_send` holds is written first by somebody else."""

    records: list[Record] = field(default_factory=list)
    before_send: list[list[bytes]] = field(default_factory=list)
    fails: list[Exception] = field(default_factory=list)
    opens: list[Exception | None] = field(default_factory=list)
    opened: int = 0
    at: float = 0.0
    answers: bool = True

    def write(self, *values: bytes | None) -> None:
        self.records += [Record(each) for each in values]

    async def send_and_wait(self, topic: str, value: bytes, partition: int) -> Any:
        assert (topic, partition) == ("tts.rollout", 0)
        if self.before_send:
            self.write(*self.before_send.pop(0))
        if self.fails:
            raise self.fails.pop(0)
        self.write(value)
        return Sent(len(self.records) - 1)

    @asynccontextmanager
    async def open_log(self) -> AsyncIterator[RolloutLog]:
        self.opened += 1
        error = self.opens.pop(0) if self.opens else None
        if error is not None:
            raise error
        yield self.log()

    def log(self) -> RolloutLog:
        return RolloutLog(Reader(self), PARTITION, Clock(monotonic=lambda: self.at, now=lambda: NOW))


@dataclass
class Reader:
    """Stands for a consumer of the topic; to wait takes none of the test's own time."""

    topic: Topic
    at: int = 0
    answered: int = 0

    async def end_offsets(self, _: Any) -> dict[TopicPartition, int]:
        return {PARTITION: len(self.topic.records)}

    async def position(self, _: Any) -> int:
        return self.at

    def seek(self, _: Any, offset: int) -> None:
        self.at = offset

    def last_poll_timestamp(self, _: Any) -> int:
        self.answered += self.topic.answers
        return self.answered

    async def getmany(self, *_: Any, timeout_ms: int, max_records: int) -> dict[TopicPartition, list[Record]]:
        await asyncio.sleep(0)
        taken = self.topic.records[self.at : self.at + max_records]
        if not taken:
            self.topic.at += timeout_ms / 1000
        if not all(record.readable for record in taken):
            raise UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte")
        self.at += len(taken)
        return {PARTITION: taken} if taken else {}
