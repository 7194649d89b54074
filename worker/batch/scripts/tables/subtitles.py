"""Reads subtitles: SubRip (SRT) and WebVTT. Pure."""

import html
import re
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any, Final, NamedTuple

from worker.batch.scripts.extra import load_studio_library
from worker.batch.scripts.tables.model import IsKnown, Row, Table
from worker.batch.scripts.tables.units import broken_file, unit_row, unit_table

# The tags of both formats, and the positions that SubStation's users write into SRT.
_TAG: Final = re.compile(r"</?(?:[ibu]|font|c|v|ruby|rt|lang)\b[^<>]*>|\{\\[^{}]*\}|<\d[\d:.]*>", re.IGNORECASE)
_VOICE: Final = re.compile(r"<v(?:\.[^\s<>]*)*\s+([^<>]*)>")
_DASH: Final = re.compile(r"^\s*[-\u2010-\u2015]\s*", re.MULTILINE)
_COLUMNS: Final = ("id", "character", "text", "start", "end")
_FEWEST_VOICES: Final = 2


class _Cue(NamedTuple):
    content: str
    voice: str | None
    start: timedelta
    end: timedelta


def read_srt(text: str, file: str, _is_known: IsKnown) -> Table:
    """The cues of a SubRip file, a cue of two voices (lines with dashes) as two rows; tags are taken out.

    Raises:
        UsageError: srt isn't installed.
    """
    srt = load_studio_library("srt", "SRT")
    try:
        cues = list(srt.parse(text.replace("\r\n", "\n").replace("\r", "\n")))
    except (srt.SRTParseError, ValueError, OverflowError) as error:
        return broken_file(file, "SRT", f"is no SRT: {' '.join(str(error).split())[:120]}", _line_of(error, text))
    spoken = (_Cue(_TAG.sub("", cue.content), None, cue.start, cue.end) for cue in cues)
    rows = [row for number, cue in enumerate(spoken, start=1) for row in _rows(file, number, [cue])]
    return unit_table(file, "SRT", _COLUMNS, rows, roles={"job_id": "id", "text": "text"})


def read_vtt(text: str, file: str, _is_known: IsKnown) -> Table:
    """The cues of a WebVTT file; a voice tag (`<v Tom>`) is the character, and each of a cue is a row.

    Raises:
        UsageError: webvtt-py isn't installed.
    """
    webvtt = load_studio_library("webvtt", "WebVTT")
    try:
        cues = webvtt.from_string(text).captions
    except (webvtt.errors.MalformedFileError, webvtt.errors.MalformedCaptionError, ValueError, IndexError) as error:
        return broken_file(file, "WebVTT", f"is no WebVTT, whose first line is WEBVTT: {str(error)[:100]}")
    rows = [row for number, cue in enumerate(cues, start=1) for row in _rows(file, number, _of_voices(cue))]
    roles = {"job_id": "id", "text": "text"}
    if any("character" in row.fields for row in rows):
        roles["character"] = "character"
    return unit_table(file, "WebVTT", _COLUMNS, rows, roles=roles)


def _of_voices(caption: Any) -> list[_Cue]:
    """A cue of WebVTT for each of its voices; what stands before the first has none."""
    start, end = (timedelta(seconds=at) for at in (caption.start_in_seconds, caption.end_in_seconds))
    first, *rest = _VOICE.split(caption.raw_text)
    # Its character references are those of HTML.
    spoken = [(None, first), *((html.unescape(name), said) for name, said in zip(rest[::2], rest[1::2], strict=True))]
    cues = [_Cue(html.unescape(_TAG.sub("", said)), name, start, end) for name, said in spoken]
    return [cue for cue in cues if cue.content.strip()] or cues[:1]


def _rows(file: str, number: int, cues: Sequence[_Cue]) -> Iterator[Row]:
    """The rows of a cue: one for each voice, of which those with dashes are several."""
    parts = [(cue, part) for cue in cues for part in _parts(cue.content.strip())]
    # Files of one name may stand in several folders.
    stem = file.rpartition(".")[0]
    for index, (cue, part) in enumerate(parts, start=1):
        name = f"{number:04}" if len(parts) == 1 else f"{number:04}-{index}"
        times = {"start": _time(cue.start), "end": _time(cue.end)}
        yield unit_row(
            file, number, f"cue {name}", {"id": f"{stem}-{name}", "character": cue.voice, "text": part, **times}
        )


def _parts(text: str) -> list[str]:
    if len(_DASH.findall(text)) < _FEWEST_VOICES:
        return [" ".join(text.split())]
    return [" ".join(part.split()) for part in _DASH.split(text) if part.strip()]


def _time(at: timedelta) -> str:
    return f"{at.total_seconds():.3f}"


def _line_of(error: Exception, text: str) -> int:
    return text[: getattr(error, "expected_start", 0) or 0].count("\n") + 1
