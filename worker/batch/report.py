"""Renders the report of a batch: one HTML page that plays each line, with voice, duration, fallback and filters."""

import html
import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Final

from worker.batch.entry import ManifestEntry
from worker.batch.scripts.model import Line

_TEMPLATE: Final = Path(__file__).with_name("page.html")
# Inside of a script element an HTML parser looks only for these characters; in JSON their escapes mean the same.
_ESCAPES: Final = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"}


def render_report(
    lines: Iterable[Line],
    entries: Mapping[str, ManifestEntry],
    *,
    title: str,
    audio: Callable[[ManifestEntry], str | None],
) -> str:
    """The report as HTML.

    Args:
        lines: in the script's order.
        entries: of the manifest, by line.
        audio: gives the URL of an entry's audio, relative to the page; None where there is no audio.
    """
    data = json.dumps([_row(line, entries.get(line.id), audio) for line in lines], ensure_ascii=False)
    for character, escape in _ESCAPES.items():
        data = data.replace(character, escape)
    # Placeholders are looked for in the template alone: a script's name or a line's text may contain one.
    before, _, after = _TEMPLATE.read_text(encoding="utf-8").partition("@DATA@")
    before, after = (part.replace("@TITLE@", html.escape(title)) for part in (before, after))
    return f"{before}{data}{after}"


def _row(line: Line, entry: ManifestEntry | None, audio: Callable[[ManifestEntry], str | None]) -> dict[str, object]:
    error = entry.error if entry else None
    return {
        "line": line.id,
        "character": line.job.character,
        "text": line.job.text if line.job.text is not None else line.job.ssml,
        "status": entry.status.value if entry else "not made",
        "model": entry.voice_model.value if entry and entry.voice_model else None,
        "voice": entry.voice if entry else None,
        "seconds": entry.duration_s if entry else None,
        "fallback": bool(entry and entry.fallback),
        "error": f"{error.code}: {error.message}" if error else None,
        "audio": audio(entry) if entry and entry.is_done else None,
    }
