"""What the report says of each line, as rows for its page: voice, takes, findings, outliers, money. Pure."""

import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from schemas.enums import VoiceModel
from schemas.verdict import LineVerdict
from worker.batch.entry import ManifestEntry
from worker.batch.report.outliers import SoundFigures, SpokenLine, find_outliers
from worker.batch.scripts.model import Finding, Line
from worker.batch.takes_of_line import LineTake
from worker.pricing.google_terms import list_price, whole_micros

Row = dict[str, object]


@dataclass(frozen=True)
class AudioPlace:
    """What lies in the place of a line's audio.

    Attributes:
        url: of the line's take, relative to the page; None where it isn't there.
        is_other: another file lies there: a take of another script's line of that name, or somebody's own work.
    """

    url: str | None = None
    is_other: bool = False


@dataclass(frozen=True)
class ReportInput:
    """What the report is made of.

    Attributes:
        lines: in the script's order.
        entries: of the manifest, by line.
        audio: looks for a take's audio.
        takes: of each line that has audio, its own among them.
        findings: of the lint.
        sounds: what was measured of takes, by SHA-256.
        verdicts: those that stand in the file beside the script, by line.
    """

    lines: Sequence[Line]
    entries: Mapping[str, ManifestEntry]
    audio: Callable[[LineTake], AudioPlace]
    takes: Mapping[str, Sequence[LineTake]] = field(default_factory=dict)
    findings: Iterable[Finding] = ()
    sounds: Mapping[str, SoundFigures] = field(default_factory=dict)
    verdicts: Mapping[str, LineVerdict] = field(default_factory=dict)


def script_id(name: str, lines: Iterable[Line]) -> str:
    """What distinguishes a script from others of its name: 16 hexadecimal digits, of the name and the lines' ids."""
    return hashlib.sha256(json.dumps([name, [line.id for line in lines]]).encode()).hexdigest()[:16]


def report_document(given: ReportInput, name: str) -> Row:
    """All that the report says, as JSON.

    Args:
        name: of the script's file.
    """
    return {
        "script": name,
        # The browser keeps verdicts by this: another script's of that name, beside other audio, are another's.
        "id": script_id(name, given.lines),
        "rows": line_rows(given),
        "money": money_rows(given.lines, given.entries),
    }


def line_rows(given: ReportInput) -> list[Row]:
    """A row for each line. What is empty isn't there: a script has some ten thousand lines."""
    findings: defaultdict[tuple[str, int], list[list[str]]] = defaultdict(list)
    for each in given.findings:
        findings[each.place.file, each.place.line].append([each.severity.value, f"{each.message} [{each.rule}]"])
    outliers = find_outliers(spoken_lines(given))
    return [
        _without_empty(
            {
                **_line(line),
                **_spoken(given.entries.get(line.id), given.audio),
                "takes": [_take(each, given.audio) for each in given.takes.get(line.id, ()) if not each.is_own],
                "findings": findings.get((line.place.file, line.place.line)),
                "outliers": outliers.get(line.id),
                "verdict": _verdict(given.verdicts.get(line.id)),
            }
        )
        for line in given.lines
    ]


def spoken_lines(given: ReportInput) -> list[SpokenLine]:
    """The lines that have audio, as they are compared with each other."""
    return [
        SpokenLine(
            line.id,
            line.job.character,
            entry.voice or "",
            line.job.language,
            _text(line),
            entry.duration_s,
            given.sounds.get(entry.sha256 or ""),
        )
        for line in given.lines
        if (entry := given.entries.get(line.id)) is not None and entry.is_done and entry.duration_s
    ]


def money_rows(lines: Iterable[Line], entries: Mapping[str, ManifestEntry]) -> list[Row]:
    """What each character's lines cost by the manifest, at Google's list price; the dearest first.

    It is what their last jobs were billed. Takes that were stored already, or that another line paid for, cost nothing.
    """
    billed: defaultdict[str, defaultdict[VoiceModel, int]] = defaultdict(lambda: defaultdict(int))
    counts: defaultdict[str, int] = defaultdict(int)
    for line in lines:
        counts[line.job.character] += 1
        for model, characters in (entries[line.id].billed if line.id in entries else {}).items():
            billed[line.job.character][model] += characters
    rows: list[Row] = [
        {
            "character": character,
            "lines": count,
            **{model.value: billed[character][model] for model in VoiceModel},
            "usd": whole_micros(list_price(billed[character])),
        }
        for character, count in counts.items()
    ]
    return sorted(rows, key=lambda row: (-float(str(row["usd"])), str(row["character"])))


def _line(line: Line) -> Row:
    return {
        "line": line.id,
        "character": line.job.character,
        "text": _text(line),
        "language": line.job.language,
        "scene": line.scene,
    }


def _spoken(entry: ManifestEntry | None, audio: Callable[[LineTake], AudioPlace]) -> Row:
    if entry is None:
        return {"status": "not made"}
    place = audio(LineTake(entry.take, entry, is_own=True)) if entry.is_done else AudioPlace()
    return {
        "status": entry.status.value,
        "model": entry.voice_model.value if entry.voice_model else None,
        "voice": entry.voice,
        "take": entry.take,
        "seconds": entry.duration_s,
        "fallback": entry.fallback,
        "error": f"{entry.error.code}: {entry.error.message}" if entry.error else None,
        "sha256": entry.sha256,
        "audio": place.url,
        "other": place.is_other,
    }


def _take(take: LineTake, audio: Callable[[LineTake], AudioPlace]) -> Row:
    entry = take.entry
    shown = {"take": take.number, "seconds": entry.duration_s, "sha256": entry.sha256, "audio": audio(take).url}
    return _without_empty({**shown, "model": entry.voice_model.value if entry.voice_model else None})


def _verdict(verdict: LineVerdict | None) -> Row | None:
    return None if verdict is None else verdict.model_dump(mode="json", exclude_defaults=True)


def _text(line: Line) -> str:
    return line.job.text if line.job.text is not None else line.job.ssml or ""


def _without_empty(row: Row) -> Row:
    return {name: value for name, value in row.items() if value not in (None, False, "", [], ())}
