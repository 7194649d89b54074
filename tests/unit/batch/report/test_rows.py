"""The report's rows: each line with its takes, findings, outliers and verdict; money by character."""

from __future__ import annotations

import json

from schemas.enums import VerdictChoice, VoiceModel
from schemas.verdict import LineVerdict
from tests.unit.batches import done, line, plan
from worker.batch.entry import ManifestEntry, build_entry
from worker.batch.line_status import next_job
from worker.batch.report.outliers import SoundFigures
from worker.batch.report.rows import AudioPlace, ReportInput, line_rows, money_rows
from worker.batch.scripts.model import Finding, Line, Place, Severity
from worker.batch.takes_of_line import LineTake


def entry_of(each: Line, **changes: object) -> ManifestEntry:
    (planned,) = plan(each)
    _, sent = next_job(planned, None)
    return build_entry(sent, done(sent.job_id, planned.key)).model_copy(update=changes)


def place(take: LineTake) -> AudioPlace:
    return AudioPlace(take.path)


def test_a_line_has_its_take_its_other_takes_what_the_lint_found_and_its_verdict() -> None:
    line_1 = line("l-1", scene="garden")
    own, other = entry_of(line_1), entry_of(line_1, line="l-1.t2", take=2, sha256="a" * 64)
    given = ReportInput(
        [line_1],
        {"l-1": own},
        place,
        takes={"l-1": (LineTake(1, own, is_own=True), LineTake(2, other, is_own=False))},
        findings=[
            Finding(Severity.WARNING, line_1.place, "all in capitals", rule="all-caps"),
            Finding(Severity.WARNING, Place("script.csv", 99), "another row's", rule="all-caps"),
        ],
        verdicts={"l-1": LineVerdict(line="l-1", verdict=VerdictChoice.REDO, note="too fast")},
    )
    (row,) = line_rows(given)
    assert (row["scene"], row["status"], row["seconds"]) == ("garden", "done", 1.5)
    assert row["audio"] == f"{line_1.job.character}/l-1.ogg"
    assert row["takes"] == [
        {"take": 2, "seconds": 1.5, "sha256": "a" * 64, "audio": f"takes/{line_1.job.character}/l-1.t2.ogg",
         "model": own.voice_model},
    ]  # fmt: skip
    assert row["findings"] == [["warning", "all in capitals [all-caps]"]]
    assert row["verdict"] == {"line": "l-1", "verdict": "redo", "note": "too fast"}
    json.dumps(row)


def test_a_line_without_audio_says_so_and_nothing_else() -> None:
    (row,) = line_rows(ReportInput([line("l-1")], {}, place))
    assert row["status"] == "not made"
    assert not row.keys() & {"audio", "takes", "findings", "outliers", "verdict", "scene", "fallback", "other"}


def test_an_outlier_is_found_by_what_was_measured_of_its_audio() -> None:
    lines = [line(f"l-{number}") for number in range(9)]
    entries = {each.id: entry_of(each, sha256=f"{number:064}") for number, each in enumerate(lines)}
    sounds = {f"{number:064}": SoundFigures(-20.0 - 20 * (number == 4), 0.1) for number in range(9)}
    rows = line_rows(ReportInput(lines, entries, place, sounds=sounds))
    assert {row["line"] for row in rows if "outliers" in row} == {"l-4"}


def test_money_is_what_each_character_s_lines_were_billed_the_dearest_first() -> None:
    lines = [line("l-1", character="ghoul"), line("l-2", character="pip_boy"), line("l-3", character="ghoul")]
    billed = {VoiceModel.CHIRP3_HD: 1000, VoiceModel.WAVENET: 500}
    entries = {
        "l-1": entry_of(lines[0], billed=billed),
        "l-2": entry_of(lines[1], billed={}),
        "l-3": entry_of(lines[2], billed={VoiceModel.WAVENET: 500}),
        "gone": entry_of(lines[0], line="gone", billed=billed),
    }
    assert money_rows(lines, entries) == [
        {"character": "ghoul", "lines": 2, "chirp3-hd": 1000, "wavenet": 1000, "usd": 0.034},
        {"character": "pip_boy", "lines": 1, "chirp3-hd": 0, "wavenet": 0, "usd": 0.0},
    ]
