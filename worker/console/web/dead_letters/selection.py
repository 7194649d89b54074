"""Reads from a form or an address which dead letters are meant, and how they are replayed."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from schemas.enums import Lane
from schemas.errors import UsageError
from worker.kafka.dead_letters.edit import Edit, JobCheck
from worker.kafka.dead_letters.filter import LetterFilter, parse_class, parse_time
from worker.kafka.dead_letters.replay_plan import ReplayRequest

FIELDS: Final = ("character", "class", "lane", "since", "until", "text", "replayed", "id")
"""The fields of the form by which letters are selected."""
REPLAY_FIELDS: Final = ("to_lane", "again", "edits")
"""The fields that say how they are replayed."""
MOST_AT_ONCE: Final = 1000
"""The letters that one form replays; the command line replays any number."""
_REPLAYED: Final = {"": None, "yes": True, "no": False}


def read_selection(fields: Mapping[str, str], now: datetime) -> LetterFilter:
    """The filter.

    Raises:
        UsageError: a field has a value that isn't allowed.
    """
    given = {name: value.strip() for name in FIELDS if (value := fields.get(name, "")).strip()}
    replayed = given.get("replayed", "")
    if replayed not in _REPLAYED:
        raise UsageError(f"replayed={replayed[:100]!a}: allowed is {', '.join(filter(None, _REPLAYED))}")
    return LetterFilter(
        character=given.get("character"),
        failure_class=parse_class("class", given["class"]) if "class" in given else None,
        lane=_lane("lane", given.get("lane", "")),
        since=parse_time("since", given["since"], now) if "since" in given else None,
        until=parse_time("until", given["until"], now) if "until" in given else None,
        text=given.get("text"),
        ids=(given["id"],) if "id" in given else (),
        replayed=_REPLAYED[replayed],
    )


def read_request(fields: Mapping[str, str], max_text_bytes: int, check: JobCheck) -> ReplayRequest:
    """How letters are replayed.

    Raises:
        UsageError: a field has a value that isn't allowed.
    """
    lines = (line.strip() for line in fields.get("edits", "").splitlines())
    edits = [Edit.parse(line) for line in lines if line]
    return ReplayRequest(
        to_lane=_lane("to_lane", fields.get("to_lane", "")),
        again=fields.get("again") == "yes",
        limit=MOST_AT_ONCE,
        edits=tuple(edits),
        max_text_bytes=max_text_bytes,
        check=check,
    )


def _lane(field: str, text: str) -> Lane | None:
    if not text:
        return None
    if text not in set(Lane):
        raise UsageError(f"{field}={text[:100]!a}: allowed is {', '.join(Lane)}")
    return Lane(text)
