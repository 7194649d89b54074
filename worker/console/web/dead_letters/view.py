"""What the pages of the dead letters show: groups by cause, and one letter whole. Pure."""

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from schemas.completion import Attempt
from schemas.parsing import InvalidJobError, job_document
from worker.kafka.dead_letters.decoder import DeadLetter, read_attempts
from worker.kafka.dead_letters.replay_plan import ReplayPlan

_SHOWN_CHARACTERS: Final = 20_000


@dataclass(frozen=True)
class Cause:
    """The letters of one failure class, code and field.

    Attributes:
        example: the message of the newest one.
        characters: the characters of the most letters first; an empty name where a letter has none.
    """

    failure_class: str
    code: str
    field: str
    letters: int
    replayed: int
    first: datetime
    last: datetime
    example: str
    characters: Sequence[tuple[str, int]]


def by_cause(letters: Iterable[DeadLetter]) -> list[Cause]:
    """The groups, the one with the most letters first.

    Args:
        letters: oldest first.
    """
    groups: defaultdict[tuple[str, str, str], list[DeadLetter]] = defaultdict(list)
    for letter in letters:
        groups[letter.failure_class, letter.code, letter.field].append(letter)
    causes = [
        Cause(
            *key,
            letters=len(group),
            replayed=sum(each.replays.times > 0 for each in group),
            first=group[0].time,
            last=group[-1].time,
            example=group[-1].message,
            characters=Counter(each.character or "" for each in group).most_common(5),
        )
        for key, group in groups.items()
    ]
    return sorted(causes, key=lambda cause: (-cause.letters, cause.failure_class, cause.code, cause.field))


@dataclass(frozen=True)
class WholeLetter:
    """A letter with its content as text: invalid UTF-8 is escaped, and of a huge value the beginning is shown.

    Attributes:
        attempts: None where the letter holds something else there.
        value: JSON is indented.
        text: the job's line, for an edit; None where the value is no job.
        shortened: the length of the whole value, where only its beginning is shown.
    """

    letter: DeadLetter
    attempts: Sequence[Attempt] | None
    key: str
    headers: Sequence[tuple[str, str]]
    value: str
    text: str | None
    shortened: int | None


def whole_letter(letter: DeadLetter) -> WholeLetter:
    """All fields of a letter."""
    value, text = _text(letter.value), None
    try:
        document = job_document(letter.value)
    except InvalidJobError:
        pass
    else:
        value = json.dumps(document, indent=2, ensure_ascii=False)
        text = document["text"] if isinstance(document.get("text"), str) else None
    return WholeLetter(
        letter,
        read_attempts(letter.attempts),
        _text(letter.key)[:_SHOWN_CHARACTERS],
        [(name, _text(each)[:_SHOWN_CHARACTERS]) for name, each in letter.headers],
        value[:_SHOWN_CHARACTERS],
        text,
        len(value) if len(value) > _SHOWN_CHARACTERS else None,
    )


def planned_by_cause(plan: ReplayPlan) -> list[tuple[str, str, str, int]]:
    """The number of letters that a plan replays by class, code and the lane that they go to, the most first."""
    counts = Counter((item.letter.failure_class, item.letter.code, item.lane.value) for item in plan.items)
    return [(*key, count) for key, count in counts.most_common()]


def shown_letters(plan: ReplayPlan) -> str:
    """A digest of what a plan sends, by which a confirmed replay is known to be the one that was shown."""
    digest = hashlib.sha256()
    for item in plan.items:
        for part in (item.letter.id, item.lane.value, str(item.number)):
            digest.update(part.encode() + b"\0")
        digest.update(hashlib.sha256(item.value or b"").digest())
    return digest.hexdigest()


def edited_example(plan: ReplayPlan) -> tuple[str, str] | None:
    """The first letter's value before and after the edits; None where nothing is sent."""
    if not plan.items:
        return None
    first = plan.items[0]
    before, after = (whole_letter(replace(first.letter, value=value)) for value in (first.letter.value, first.value))
    return before.value, after.value


def _text(value: bytes | None) -> str:
    return (value or b"").decode("utf-8", "backslashreplace")
