"""Shows dead letters and replay plans as rows of a table or of JSON. Pure."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, Final

from worker.kafka.dead_letters.decoder import DeadLetter, read_attempts
from worker.kafka.dead_letters.replay_plan import ReplayPlan

_SHOWN_CHARACTERS: Final = 4000
_MESSAGE_CHARACTERS: Final = 100
# C0 and C1 without newline and tab: a letter's text is untrusted, and a terminal would run an escape sequence in it.
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")

Row = dict[str, object]


def json_row(letter: DeadLetter) -> Row:
    """The fields of a letter but its content, for scripts."""
    return {
        "id": letter.id,
        "time": _rfc3339(letter.time),
        "class": letter.failure_class,
        "code": letter.code,
        "field": letter.field,
        "message": letter.message,
        "job_id": letter.job_id,
        "character": letter.character,
        "lane": letter.lane.value if letter.lane else None,
        "topic": letter.topic,
        "partition": letter.partition,
        "offset": letter.offset,
        "tries": letter.tries,
        "first_seen": _rfc3339(letter.first_seen),
        "bytes": letter.size,
        "cut": letter.truncated,
        "replayed": letter.replays.times,
        "last_replayed": _rfc3339(letter.replays.last),
    }


def table_row(letter: DeadLetter) -> Row:
    """The fields by which people recognise a letter."""
    return {
        "id": letter.id,
        "time": letter.time.isoformat(timespec="seconds").replace("+00:00", "Z"),
        "class": _plain(letter.failure_class),
        "code": _plain(letter.code),
        "lane": letter.lane.value if letter.lane else "-",
        "character": _plain(letter.character),
        "job_id": _plain(letter.job_id),
        "tries": "-" if letter.tries is None else letter.tries,
        "replayed": letter.replays.times or "-",
        "error": _plain(_shortened(_error(letter), _MESSAGE_CHARACTERS)),
    }


def whole_json(letter: DeadLetter) -> Row:
    """All fields of a letter, for scripts; invalid UTF-8 is escaped."""
    return {
        **json_row(letter),
        "attempts": _attempts(letter.attempts),
        "key": None if letter.key is None else _text(letter.key),
        "headers": [[name, None if value is None else _text(value)] for name, value in letter.headers],
        "value": None if letter.value is None else _text(letter.value),
    }


def whole_table(letter: DeadLetter) -> Row:
    """All fields of a letter, for people; of a huge value only the beginning."""
    row = {name: "-" if value in {None, ""} else _plain(str(value)) for name, value in json_row(letter).items()}
    attempts = _attempts(letter.attempts)
    attempt_lines = [_attempt_line(each) if isinstance(each, dict) else str(each) for each in attempts]
    value = "" if letter.value is None else _text(letter.value)
    if len(value) > _SHOWN_CHARACTERS:
        value = f"{value[:_SHOWN_CHARACTERS]}… ({len(value):,} characters; --json has all)"
    return {
        **row,
        "attempts": _plain("\n".join(attempt_lines)),
        "key": _plain("" if letter.key is None else _text(letter.key[:_SHOWN_CHARACTERS])),
        "headers": _plain("\n".join(f"{name}: {_text((v or b'')[:_SHOWN_CHARACTERS])}" for name, v in letter.headers)),
        "value": _plain(value),
    }


def stats_rows(letters: Sequence[DeadLetter]) -> list[Row]:
    """The number of letters by class, code, lane and character, most first, with the first and the last time."""
    groupings: dict[str, Callable[[DeadLetter], str | None]] = {
        "class": lambda letter: letter.failure_class,
        "code": lambda letter: letter.code,
        "lane": lambda letter: letter.lane,
        "character": lambda letter: letter.character,
    }
    rows = [_stats_row("all", "", letters)] if letters else []
    for kind, key in groupings.items():
        by_name: dict[str, list[DeadLetter]] = defaultdict(list)
        for letter in letters:
            by_name[key(letter) or ""].append(letter)
        ordered = sorted(by_name.items(), key=lambda item: (-len(item[1]), item[0]))
        rows += [_stats_row(kind, _plain(name), group) for name, group in ordered]
    return rows


def plan_rows(plan: ReplayPlan) -> list[Row]:
    """The number of letters that a plan replays by class, code and lane, and the total."""
    counts: dict[tuple[str, str, str, str], int] = defaultdict(int)
    for item in plan.items:
        letter = item.letter
        counts[letter.failure_class, letter.code, letter.lane or "", item.lane] += 1
    rows: list[Row] = [
        {"class": _plain(name), "code": _plain(code), "lane": _plain(lane), "into": into, "letters": count}
        for (name, code, lane, into), count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    ]
    return [*rows, {"class": "total", "code": "", "lane": "", "into": "", "letters": len(plan.items)}]


def _stats_row(kind: str, name: str, letters: Iterable[DeadLetter]) -> Row:
    listed = list(letters)
    times = [letter.time for letter in listed]
    return {
        "by": kind,
        "name": name,
        "letters": len(listed),
        "replayed": sum(letter.replays.times > 0 for letter in listed),
        "first": _rfc3339(min(times)),
        "last": _rfc3339(max(times)),
    }


def _attempts(text: str) -> list[Any]:
    """The attempts as JSON objects; text that doesn't parse as attempts is returned as it is."""
    attempts = read_attempts(text)
    return [text] if attempts is None else [each.model_dump(mode="json", exclude_none=True) for each in attempts]


def _attempt_line(attempt: dict[str, Any]) -> str:
    words = [attempt["ended_at"], attempt["voice"], attempt["result"], attempt.get("failure_class"), attempt["code"]]
    summary = " ".join(str(word) for word in words if word)
    return f"{summary}, {attempt['calls']} calls, {attempt['seconds']:.2f} s  {attempt.get('message', '')}".rstrip()


def _error(letter: DeadLetter) -> str:
    return f"{letter.field}: {letter.message}" if letter.field else letter.message


def _rfc3339(time: datetime | None) -> str | None:
    return None if time is None else time.isoformat().replace("+00:00", "Z")


def _text(value: bytes) -> str:
    return value.decode("utf-8", "backslashreplace")


def _shortened(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def _plain(text: str | None) -> str:
    """The text with control characters escaped, safe for a terminal; - for an empty one."""
    return _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", text or "") or "-"
