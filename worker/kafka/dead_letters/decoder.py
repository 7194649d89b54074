"""Reads dead letters from their records, and folds them with the markers of their replays. Pure."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from schemas import headers as names
from schemas.completion import Attempt
from schemas.enums import Lane
from schemas.headers import MOST_REPLAYS, Headers, header_number, letter_id, without_headers
from schemas.parsing import InvalidJobError, job_document
from schemas.times import check_known, time_of_ms
from schemas.topics import lane_of, unprefixed

_NEVER: Final = datetime.fromtimestamp(0, UTC)
_ATTEMPTS: Final = TypeAdapter(tuple[Attempt, ...])
_ID: Final = re.compile(r"[0-9a-f]{4,64}")


@dataclass(frozen=True, slots=True)
class Replays:
    """How often a dead letter was replayed, when last, and the highest `replay-number` that a replay gave it."""

    times: int = 0
    last: datetime | None = None
    number: int = 0


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One dead letter. Fields that its record doesn't have are empty or None.

    Attributes:
        value: None too where the reader didn't keep values.
        size: of the value in bytes, also where the value itself isn't kept.
        headers: the producer's own.
        time: when it became a dead letter.
        attempts: JSON.
        truncated: `value` is only the beginning of the failed record's value.
    """

    id: str
    key: bytes | None
    value: bytes | None
    size: int
    headers: Headers
    failure_class: str
    code: str
    message: str
    field: str
    lane: Lane | None
    topic: str
    partition: int | None
    offset: int | None
    tries: int | None
    first_seen: datetime | None
    time: datetime
    attempts: str
    truncated: bool
    job_id: str | None
    character: str | None
    replays: Replays = Replays()


class DeadLetterFold:
    """Folds the records of the dead-letter topic into dead letters with their replays.

    Args:
        topic_prefix: to derive a letter's lane from its topic where its record has none.
        keep: which letters stay in memory.
        values: whether the values of these letters stay in memory too.
    """

    def __init__(self, topic_prefix: str, keep: Callable[[DeadLetter], bool], *, values: bool) -> None:
        self._topic_prefix = topic_prefix
        self._keep = keep
        self._values = values
        # A letter may be written twice, and without a key into two partitions: the last one wins, even if not kept.
        self._letters: dict[str, tuple[int, DeadLetter | None]] = {}
        self._replays: dict[str, Replays] = {}

    def add(self, record: Any) -> None:
        """Adds one record, an aiokafka `ConsumerRecord`."""
        headers: Headers = list(record.headers)
        if is_marker(record.value, headers):
            replayed = _text(headers, names.REPLAYED_ID)
            before = self._replays.get(replayed, Replays())
            time = _time(_text(headers, names.REPLAYED_TIME)) or _from_ms(record.timestamp)
            self._replays[replayed] = Replays(
                before.times + 1,
                max(before.last or time, time),
                max(before.number, header_number(headers, names.REPLAY_NUMBER, MOST_REPLAYS) or 0),
            )
            return
        letter = read_letter(record, self._topic_prefix)
        written = record.timestamp or 0
        if letter.id in self._letters and self._letters[letter.id][0] > written:
            return
        kept = self._keep(letter)
        self._letters[letter.id] = (
            written,
            (letter if self._values else replace(letter, value=None)) if kept else None,
        )

    def letters(self) -> list[DeadLetter]:
        """The kept letters with their replays, oldest first."""
        letters = [
            replace(letter, replays=self._replays[letter.id]) if letter.id in self._replays else letter
            for _, letter in self._letters.values()
            if letter is not None
        ]
        return sorted(letters, key=lambda letter: (letter.time, letter.partition or 0, letter.offset or 0, letter.id))


def is_marker(value: bytes | None, headers: Headers) -> bool:
    """Whether a record is the marker of a replay; a dead letter whose producer set such a header is not."""
    found = {name for name, _ in headers}
    return value is None and names.REPLAYED_ID in found and names.LETTER_CLASS not in found


def read_letter(record: Any, topic_prefix: str) -> DeadLetter:
    """Reads a dead letter from its record. Every record gives one, whatever it holds.

    Args:
        record: an aiokafka `ConsumerRecord` of the dead-letter topic.
        topic_prefix: to derive the lane from the topic where the record has none.
    """
    headers: Headers = list(record.headers)
    topic = _text(headers, names.LETTER_TOPIC)
    partition, offset = header_number(headers, names.LETTER_PARTITION), header_number(headers, names.LETTER_OFFSET)
    known = topic and partition is not None and offset is not None
    # Without a complete origin in its headers, the letter's own place serves as its origin.
    origin = (topic, partition or 0, offset or 0) if known else (record.topic, record.partition, record.offset)
    lane, written_id = _text(headers, names.LETTER_LANE), _text(headers, names.LETTER_ID)
    job_id, character = _job_id_and_character(record.value)
    return DeadLetter(
        id=written_id if _ID.fullmatch(written_id) else letter_id(*origin),
        key=record.key,
        value=record.value,
        size=len(record.value or b""),
        headers=without_headers(headers, names.LETTER_HEADERS),
        failure_class=_text(headers, names.LETTER_CLASS),
        code=_text(headers, names.LETTER_CODE),
        message=_text(headers, names.LETTER_MESSAGE),
        field=_text(headers, names.LETTER_FIELD),
        lane=Lane(lane) if lane in set(Lane) else lane_of(unprefixed(topic, topic_prefix)),
        topic=topic,
        partition=partition,
        offset=offset,
        tries=header_number(headers, names.LETTER_TRIES),
        first_seen=_time(_text(headers, names.LETTER_FIRST_SEEN)),
        time=_time(_text(headers, names.LETTER_TIME)) or _from_ms(record.timestamp),
        attempts=_text(headers, names.LETTER_ATTEMPTS),
        truncated=_text(headers, names.LETTER_CUT) == "true",
        job_id=job_id,
        character=character,
    )


def read_attempts(text: str) -> tuple[Attempt, ...] | None:
    """The attempts of a dead letter from its JSON; None where it holds something else."""
    try:
        return _ATTEMPTS.validate_json(text or "[]")
    except ValidationError:
        return None


def _text(headers: Headers, name: str) -> str:
    """The text of the last header of a name, with invalid UTF-8 escaped; empty where there is none."""
    value = next((value for found, value in reversed(headers) if found == name), None)
    return bytes(value or b"").decode("utf-8", "backslashreplace")


def _time(text: str) -> datetime | None:
    try:
        time = datetime.fromisoformat(text)
        return check_known((time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(UTC))
    except (ValueError, OverflowError):
        return None


def _from_ms(milliseconds: int | None) -> datetime:
    return time_of_ms(milliseconds) or _NEVER


def _job_id_and_character(value: bytes | None) -> tuple[str | None, str | None]:
    try:
        document = job_document(value)
    except InvalidJobError:
        return None, None
    found = (document.get("job_id"), document.get("character"))
    # A lone surrogate can be neither printed nor compared with what an operator types.
    job_id, character = (
        each.encode("utf-8", "backslashreplace").decode() if isinstance(each, str) else None for each in found
    )
    return job_id, character
