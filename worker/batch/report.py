"""Renders the report of a batch: one HTML page that plays each line, with voice, duration, fallback and filters."""

import html
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from worker.batch.entry import ManifestEntry
from worker.batch.scripts.model import Line

_TEMPLATE: Final = Path(__file__).with_name("page.html")
# Inside of a script element an HTML parser looks only for these characters; in JSON their escapes mean the same.
_ESCAPES: Final = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"}


@dataclass(frozen=True)
class AudioPlace:
    """What lies in the place of a line's audio.

    Attributes:
        url: of the line's take, relative to the page; None where it isn't there.
        is_other: another file lies there: a take of another script's line of that name, or somebody's own work.
    """

    url: str | None = None
    is_other: bool = False


def render_report(
    lines: Iterable[Line],
    entries: Mapping[str, ManifestEntry],
    *,
    title: str,
    audio: Callable[[ManifestEntry], AudioPlace],
) -> str:
    """The report as HTML.

    Args:
        lines: in the script's order.
        entries: of the manifest, by line.
        audio: looks for an entry's audio.
    """
    data = json.dumps([_row(line, entries.get(line.id), audio) for line in lines], ensure_ascii=False)
    for character, escape in _ESCAPES.items():
        data = data.replace(character, escape)
    # Placeholders are looked for in the template alone: a script's name or a line's text may contain one.
    before, _, after = _TEMPLATE.read_text(encoding="utf-8").partition("@DATA@")
    before, after = (part.replace("@TITLE@", html.escape(title)) for part in (before, after))
    return f"{before}{data}{after}"


def _row(line: Line, entry: ManifestEntry | None, audio: Callable[[ManifestEntry], AudioPlace]) -> dict[str, object]:
    error = entry.error if entry else None
    place = audio(entry) if entry and entry.is_done else AudioPlace()
    return {
        "line": line.id,
        "character": line.job.character,
        "text": line.job.text if line.job.text is not None else line.job.ssml,
        "status": entry.status.value if entry else "not made",
        "model": entry.voice_model.value if entry and entry.voice_model else None,
        "voice": entry.voice if entry else None,
        "take": entry.take if entry else None,
        "seconds": entry.duration_s if entry else None,
        "fallback": bool(entry and entry.fallback),
        "error": f"{error.code}: {error.message}" if error else None,
        "audio": place.url,
        "other": place.is_other,
    }
