"""The report: one HTML page that plays each line, with voice, duration, fallback and filters."""

import html
import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Final

from worker.batch.manifest import Entry
from worker.batch.scripts.model import Line

_TEMPLATE: Final = Path(__file__).with_name("page.html")
# In a script element the parser looks for these alone, whatever they stand for in JSON.
_ESCAPES: Final = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"}


def page_of(
    lines: Iterable[Line], entries: Mapping[str, Entry], *, title: str, audio: Callable[[Entry], str | None]
) -> str:
    """The page.

    Args:
        lines: of the script, in its order.
        entries: of the manifest.
        title: of the page.
        audio: the address of a line's audio as the page sees it; None where there is none.
    """
    data = json.dumps([_row(line, entries.get(line.id), audio) for line in lines], ensure_ascii=False)
    for character, escape in _ESCAPES.items():
        data = data.replace(character, escape)
    # The data last: a text may hold what looks like a place to fill.
    page = _TEMPLATE.read_text(encoding="utf-8").replace("@TITLE@", html.escape(title))
    before, _, after = page.partition("@DATA@")
    return f"{before}{data}{after}"


def _row(line: Line, entry: Entry | None, audio: Callable[[Entry], str | None]) -> dict[str, object]:
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
