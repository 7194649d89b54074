"""The console's templates: everything that is put into one is escaped."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from worker.console.web.language import Translate

_FOLDER = Path(__file__).with_name("templates")


def load_templates() -> Environment:
    """The templates, all of whose values are escaped; a name that isn't given is an error."""
    templates = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    templates.filters |= {"utc": _utc, "iso": _iso, "duration": _duration, "percent": _percent, "plain": _plain}
    return templates


def _utc(time: datetime) -> str:
    return time.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def _iso(time: datetime) -> str:
    return time.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _plain(value: object) -> str:
    """A text as it is, other values of a JSON document as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _percent(value: float) -> str:
    return f"{value:g} %"


def _duration(length: timedelta, t: Translate) -> str:
    """In its largest unit, rounded down: what lacks a minute of two days isn't two days."""
    seconds = max(0.0, length.total_seconds())
    for unit, size in (("days", 86_400), ("hours", 3600), ("minutes", 60)):
        if seconds >= size:
            tenths = int(seconds / size * 10)
            return t(f"time.{unit}", n=tenths // 10 if tenths % 10 == 0 else tenths / 10)
    return t("time.seconds", n=int(seconds))
