"""Writes subtitles of delivered lines, SRT and WebVTT: a file for each scene and language. Pure.

A cue lasts as long as its line's file. The first begins at 0, each other one where the one before ends, after a gap.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final
from xml.sax.saxutils import escape

from worker.batch.delivery.model import DeliveredLine, Table
from worker.batch.file_names import safe_name, same_name
from worker.batch.scripts.extra import load_studio_library

FOLDER: Final = "subtitles"
_NO_SCENE: Final = "no-scene"
# SRT has no escapes, and players take a line with this arrow for the times of a cue.
_ARROW: Final = "-->"
_SHOWN_ARROW: Final = "\u2192"
_MARK_CHARACTERS: Final = 8


class SubtitleForm(StrEnum):
    """A form of subtitles, by the ending of its files."""

    SRT = "srt"
    VTT = "vtt"


@dataclass(frozen=True)
class _Cue:
    line: DeliveredLine
    start: timedelta
    end: timedelta


def subtitle_tables(lines: Sequence[DeliveredLine], forms: Iterable[SubtitleForm], gap_ms: int) -> Iterator[Table]:
    """The subtitles of all scenes in each form.

    Args:
        lines: in the script's order.
        gap_ms: the silence between two lines, in milliseconds.

    Raises:
        UsageError: the library srt isn't installed.
    """
    scenes: defaultdict[tuple[str, str], list[DeliveredLine]] = defaultdict(list)
    for line in lines:
        scenes[line.language, line.line.scene or _NO_SCENE].append(line)
    names = _file_names({scene for _, scene in scenes})
    for form in dict.fromkeys(forms):
        for (language, scene), spoken in scenes.items():
            cues = list(_cues(spoken, gap_ms))
            text = _srt(cues) if form is SubtitleForm.SRT else _vtt(cues)
            yield Table(f"{FOLDER}/{safe_name(language)}/{names[scene]}.{form}", text.encode())


def _file_names(scenes: Iterable[str]) -> dict[str, str]:
    """A name for each scene; those that would share one, on a system that ignores case too, get a mark."""
    sharing: defaultdict[str, list[str]] = defaultdict(list)
    for scene in scenes:
        sharing[same_name(safe_name(scene))].append(scene)
    return {
        scene: safe_name(scene) if len(alike) == 1 else f"{safe_name(scene)}-{_mark(scene)}"
        for alike in sharing.values()
        for scene in alike
    }


def _mark(scene: str) -> str:
    return hashlib.sha256(scene.encode("utf-8", "replace")).hexdigest()[:_MARK_CHARACTERS]


def _cues(lines: Iterable[DeliveredLine], gap_ms: int) -> Iterator[_Cue]:
    start = timedelta()
    for line in lines:
        end = start + timedelta(milliseconds=round(line.seconds * 1000))
        # Players drop a cue without length.
        if line.caption and end > start:
            yield _Cue(line, start, end)
        start = end + timedelta(milliseconds=gap_ms)


def _srt(cues: Iterable[_Cue]) -> str:
    srt = load_studio_library("srt", "SRT")
    subtitles = [
        srt.Subtitle(number, cue.start, cue.end, cue.line.caption.replace(_ARROW, _SHOWN_ARROW))
        for number, cue in enumerate(cues, start=1)
    ]
    return str(srt.compose(subtitles, reindex=False))


def _vtt(cues: Iterable[_Cue]) -> str:
    blocks = [
        f"{cue.line.id}\n{_vtt_time(cue.start)} --> {_vtt_time(cue.end)}\n"
        f"<v {escape(cue.line.character)}>{escape(cue.line.caption)}\n"
        for cue in cues
    ]
    return "\n".join(["WEBVTT\n", *blocks])


def _vtt_time(at: timedelta) -> str:
    milliseconds = at // timedelta(milliseconds=1)
    seconds, milliseconds = divmod(milliseconds, 1000)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{milliseconds:03}"
