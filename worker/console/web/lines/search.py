"""Searches lines by character and by their text: folds jobs and completions into the newest matches. Pure."""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

from pydantic import ValidationError

from schemas.completion import Completion
from schemas.parsing import InvalidJobError, job_document
from schemas.times import time_of_ms
from schemas.topics import COMPLETIONS, unprefixed

MOST_FOUND: Final = 200
"""The matches that are kept, the newest ones."""
_NEVER: Final = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True)
class Found:
    """A line that matches.

    Attributes:
        time: when its job was sent; of a job that no lane keeps, when it was completed.
        text: its text or SSML; empty where no lane keeps the job.
        completion: the last one; None without any.
    """

    time: datetime
    job_id: str
    character: str
    text: str
    completion: Completion | None = None


class LineSearch:
    """Collects the lines that match.

    Args:
        character: None for any.
        text: must be part of the line, whatever the case of its letters; empty for any.
        topic_prefix: of the deployment.

    Attributes:
        matches: how many there are, also of those that weren't kept.
    """

    def __init__(self, character: str | None, text: str, topic_prefix: str, most: int = MOST_FOUND) -> None:
        self.matches = 0
        self._character = character
        self._text = text.casefold()
        self._prefix = topic_prefix
        self._most = most
        self._found: dict[str, Found] = {}
        self._oldest: list[tuple[datetime, str]] = []

    def add(self, record: Any) -> None:
        """Adds one record, an aiokafka `ConsumerRecord`: those of the lanes first, then the completions."""
        time = time_of_ms(record.timestamp) or _NEVER
        if unprefixed(record.topic, self._prefix) == COMPLETIONS:
            self._add_completion(time, record.value)
        else:
            self._add_job(time, record.value)

    def found(self) -> Sequence[Found]:
        """The matches that were kept, the newest first."""
        return sorted(self._found.values(), key=lambda each: (each.time, each.job_id), reverse=True)

    def _add_job(self, time: datetime, value: bytes | None) -> None:
        try:
            document = job_document(value)
        except InvalidJobError:
            return
        job_id, character = document.get("job_id"), document.get("character")
        spoken = document.get("text") or document.get("ssml") or ""
        if not isinstance(job_id, str) or not isinstance(spoken, str) or not self._is_of(character):
            return
        if self._text in spoken.casefold():
            self._keep(Found(time, job_id, str(character), spoken))

    def _add_completion(self, time: datetime, value: bytes | None) -> None:
        try:
            completion = Completion.model_validate_json(value or b"")
        except ValidationError:
            return
        known = self._found.get(completion.job_id)
        if known is not None:
            self._found[completion.job_id] = replace(known, completion=completion)
        elif not self._text and self._is_of(completion.character):
            # The lanes don't keep a job for as long as its completion is kept.
            self._keep(Found(time, completion.job_id, completion.character or "", "", completion))

    def _is_of(self, character: object) -> bool:
        return self._character is None or self._character == character

    def _keep(self, found: Found) -> None:
        if found.job_id in self._found:
            # The same job once more, such as a replay's: it stays one line.
            self._found[found.job_id] = replace(self._found[found.job_id], text=found.text)
            return
        self.matches += 1
        self._found[found.job_id] = found
        heapq.heappush(self._oldest, (found.time, found.job_id))
        if len(self._oldest) > self._most:
            del self._found[heapq.heappop(self._oldest)[1]]
