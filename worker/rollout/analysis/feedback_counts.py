"""Attributes players' reports to the completions that they are about, and counts each user once a day. Pure.

A report names a job or a take. The newest completions are kept with their cells, so that a report counts for the voice
model that spoke; one about any other completion is counted as unknown and attributed to none. A fallback's line was
spoken by WaveNet for a job that was to get Chirp: it belongs to neither arm.

A user's reports count once within a day for a voice model and a character, and once within a day for a voice model
in what covers all characters: whoever floods the topic has one vote. The day begins with the report that counts.
"""

import hashlib
from collections import Counter, deque
from collections.abc import Hashable
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, Generic, NamedTuple, TypeVar

from schemas.enums import FeedbackKind
from schemas.feedback import Feedback
from worker.rollout.analysis.attempt_counts import AttemptCounts, cell_key
from worker.rollout.analysis.observations import Observation
from worker.rollout.analysis.tally import CellKey

COUNTED_ONCE_WITHIN: Final = timedelta(days=1)
"""A user's further reports about the same voice model and character don't count for so long."""
MAX_COMPLETIONS: Final = 200_000
"""The completions that are kept: the newest ones. Each takes about 250 bytes."""
MAX_WAITING: Final = 50_000
"""The reports that may wait for their completions to be read; further ones are dropped."""
_MAX_USERS: Final = 200_000
_MAX_IDS: Final = 200_000
Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class Fate(StrEnum):
    """What became of a message of the feedback's topic.

    COUNTED: a report, for the voice model that spoke. PRAISE: of a line that is known. SAME_USER: its user has reported
    the same voice within a day. UNKNOWN: about no completion that is known. REPEATED: its id was read before. DROPPED:
    too many wait for their completions.
    """

    COUNTED = "counted"
    PRAISE = "praise"
    SAME_USER = "same_user"
    UNKNOWN = "unknown"
    REPEATED = "repeated"
    DROPPED = "dropped"


class _Heard(NamedTuple):
    key: CellKey
    step: int


class _Waiting(NamedTuple):
    published_at: datetime
    references: tuple[int, ...]
    user: int
    kind: FeedbackKind


class _Newest(Generic[Key, Value]):
    """A dictionary of the newest entries."""

    def __init__(self, most: int) -> None:
        self._entries: dict[Key, Value] = {}
        self._most = most

    def get(self, key: Key) -> Value | None:
        return self._entries.get(key)

    def put(self, key: Key, value: Value) -> None:
        self._entries.pop(key, None)
        self._entries[key] = value
        if len(self._entries) > self._most:
            del self._entries[next(iter(self._entries))]


class FeedbackCounts:
    """The reports that were read; those that can be attributed are counted in the attempt counts.

    Args:
        counts: of all attempts.

    Attributes:
        fates: how many messages ended in which way.
    """

    def __init__(self, counts: AttemptCounts) -> None:
        self._counts = counts
        self._completions: _Newest[int, _Heard] = _Newest(2 * MAX_COMPLETIONS)
        self._cells: dict[CellKey, CellKey] = {}
        self._waiting: deque[_Waiting] = deque()
        self._reported: _Newest[tuple[int, str, str], datetime] = _Newest(_MAX_USERS)
        self._ids: _Newest[int, bool] = _Newest(_MAX_IDS)
        self.fates: Counter[Fate] = Counter()

    def note_completion(self, observation: Observation, band: int) -> None:
        """Keep a completion's cell, so that reports about it can be attributed; others' attempts are no completions."""
        if not observation.job_id:
            return
        key = cell_key(observation, band)
        heard = _Heard(self._cells.setdefault(key, key), self._counts.step_at(observation.ended_at))
        self._completions.put(_digest(f"job {observation.job_id}"), heard)
        if observation.audio:
            self._completions.put(_digest(f"take {take_name(observation.audio)}"), heard)

    def add(self, feedback: Feedback, published_at: datetime) -> None:
        """Add a message; it counts once all completions that were published before it are read.

        Args:
            feedback: as it was published.
            published_at: its record's time.
        """
        identity = _digest(feedback.feedback_id)
        if self._ids.get(identity):
            self.fates[Fate.REPEATED] += 1
            return
        if len(self._waiting) >= MAX_WAITING:
            self.fates[Fate.DROPPED] += 1
            return
        self._ids.put(identity, value=True)
        references = [] if feedback.job_id is None else [_digest(f"job {feedback.job_id}")]
        if feedback.audio is not None:
            references.append(_digest(f"take {take_name(feedback.audio)}"))
        waiting = _Waiting(published_at, tuple(references), _digest(feedback.user_id), feedback.kind)
        self._waiting.append(waiting)

    def settle(self, read_to: datetime) -> None:
        """Count the messages whose completions must have been read.

        Args:
            read_to: everything published before it has been read.
        """
        for _ in range(len(self._waiting)):
            waiting = self._waiting.popleft()
            if waiting.published_at <= read_to:
                self.fates[self._count(waiting)] += 1
            else:
                self._waiting.append(waiting)

    def _count(self, waiting: _Waiting) -> Fate:
        heard = next((found for each in waiting.references if (found := self._completions.get(each))), None)
        if heard is None:
            return Fate.UNKNOWN
        if waiting.kind is FeedbackKind.PRAISE:
            return Fate.PRAISE
        model, published_at = heard.key.voice_model.value, waiting.published_at
        if not self._is_first(waiting.user, model, heard.key.character, published_at):
            return Fate.SAME_USER
        is_first_of_user = self._is_first(waiting.user, model, "", published_at)
        self._counts.add_complaint(published_at, heard.key, heard.step, is_first_of_user=is_first_of_user)
        return Fate.COUNTED

    def _is_first(self, user: int, voice_model: str, character: str, published_at: datetime) -> bool:
        """Whether a user has no counted report within a day before; notes this one if so. No character: of any."""
        before = self._reported.get((user, voice_model, character))
        if before is not None and abs(published_at - before) < COUNTED_ONCE_WITHIN:
            return False
        self._reported.put((user, voice_model, character), published_at)
        return True


def take_name(reference: str) -> str:
    """Return the name of a take by its key or any address of it: its hash, which no other take has."""
    path = reference.partition("?")[0].partition("#")[0]
    return path.rpartition("/")[2].partition(".")[0]


def _digest(text: str) -> int:
    """Return 8 bytes of a text's hash: a dictionary of 200,000 texts of 128 characters would take 50 MB."""
    return int.from_bytes(hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=8).digest())
