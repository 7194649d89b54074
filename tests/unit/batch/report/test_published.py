"""The report that is published for the console: what it holds, its announcement, and what is refused in its place."""

from __future__ import annotations

import json
from typing import Any

import pytest

from schemas.batch_run import LARGEST_REPORT_BYTES, PublishedReport
from schemas.enums import VerdictChoice
from schemas.errors import UsageError
from schemas.verdict import LineVerdict
from tests.unit.batch.report.test_rows import entry_of
from tests.unit.batches import NOW, line
from worker.batch.report import published
from worker.batch.report.outliers import SoundFigures
from worker.batch.report.published import announcement, published_content, published_run, read_published
from worker.batch.report.rows import AudioPlace, ReportInput, script_id
from worker.batch.scripts.model import Finding, Severity
from worker.batch.takes_of_line import LineTake

LINES = [line("l-1", scene="garden"), line("l-2"), line("l-3")]
OWN = entry_of(LINES[0], billed={"wavenet": 1000})
OTHER = entry_of(LINES[0], line="l-1.t2", take=2, sha256="a" * 64, key="takes/ghoul/wavenet/aa/other.ogg")


def given(**changes: Any) -> ReportInput:
    whole: dict[str, Any] = {
        "takes": {"l-1": (LineTake(1, OWN, is_own=True), LineTake(2, OTHER, is_own=False))},
        "findings": [Finding(Severity.WARNING, LINES[0].place, "all in capitals", rule="all-caps")],
    }
    return ReportInput(LINES, {"l-1": OWN}, lambda take: AudioPlace(take.entry.key), **{**whole, **changes})


CONTENT = published_content(given(), "act-1.csv")
REPORT = announcement(CONTENT, NOW)
ID = script_id("act-1.csv", LINES)


def published_with(**changes: Any) -> tuple[bytes, PublishedReport]:
    content = json.dumps({**json.loads(CONTENT), **changes}).encode()
    return content, announcement(content, NOW)


def test_what_is_published_is_read_again_with_each_takes_key() -> None:
    document = read_published(CONTENT, REPORT, ID)
    first = document.rows[0]
    assert (document.script, first.scene, first.audio, first.takes[0].audio) == (
        "act-1.csv", "garden", OWN.key, OTHER.key,
    )  # fmt: skip
    assert first.findings == ((Severity.WARNING, "all in capitals [all-caps]"),)
    assert [each.wavenet for each in document.money] == [1000]
    assert [each.status for each in document.rows] == ["done", "not made", "not made"]
    assert published_content(given(), "act-1.csv") == CONTENT, "the same report has the same key"


@pytest.mark.parametrize("sounds", [{}, {"0" * 64: SoundFigures(-20.0, 0.1)}])
def test_it_says_whether_the_audio_was_measured(sounds: dict[str, SoundFigures]) -> None:
    content = published_content(given(sounds=sounds), "act-1.csv")
    assert read_published(content, announcement(content, NOW), ID).measured is bool(sounds)


def test_the_announcement_counts_the_scripts_lines_and_replaces_an_earlier_one_of_the_same_lines() -> None:
    run = published_run(CONTENT, REPORT, findings=7)
    assert (run.script, run.total, run.done, run.failed, run.left, run.findings) == ("act-1.csv", 3, 1, 0, 2, 7)
    assert (run.script_id, run.report, run.dollars) == (ID, REPORT, 0.004)
    assert run.run_id == published_run(CONTENT, announcement(CONTENT, NOW), 0).run_id


def test_a_report_that_is_too_large_for_the_console_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(published, "LARGEST_REPORT_BYTES", len(CONTENT) - 1)
    with pytest.raises(UsageError, match="split the script"):
        published_content(given(), "act-1.csv")
    monkeypatch.setattr(published, "LARGEST_REPORT_BYTES", len(CONTENT))
    assert published_content(given(), "act-1.csv") == CONTENT


def test_twenty_thousand_lines_are_well_within_the_bound() -> None:
    text = "They call me Smoothskin, and I don't mind it as long as the radiation stays where it is. " * 2
    lines = [line(f"l-{number}", scene=f"scene-{number // 20}", text=text) for number in range(20_000)]
    findings = [Finding(Severity.WARNING, each.place, "all in capitals", rule="all-caps") for each in lines]
    entries = {each.id: OWN for each in lines}
    many = ReportInput(lines, entries, lambda take: AudioPlace(take.entry.key), findings=findings)
    assert len(published_content(many, "act-1.csv")) < LARGEST_REPORT_BYTES / 2


def test_what_was_said_beside_the_script_is_left_to_the_consoles_own_verdicts() -> None:
    said = given(verdicts={"l-1": LineVerdict(line="l-1", verdict=VerdictChoice.REDO, note="too fast")})
    content = published_content(said, "act-1.csv")
    assert "too fast" not in read_published(content, announcement(content, NOW), ID).model_dump_json()


def test_another_content_and_another_scripts_report_are_refused() -> None:
    with pytest.raises(UsageError, match="SHA-256"):
        read_published(CONTENT + b" ", REPORT, ID)
    with pytest.raises(UsageError, match="another script's"):
        read_published(CONTENT, REPORT, script_id("act-2.csv", LINES))


ROW = json.loads(CONTENT)["rows"][0]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"rows": None}, "rows"),
        ({"rows": [{**ROW, "status": "<b>"}]}, "rows.0.status"),
        ({"rows": [{**ROW, "sha256": "0" * 63}]}, "rows.0.sha256"),
        ({"rows": [{**ROW, "seconds": -1}]}, "rows.0.seconds"),
        ({"rows": [{**ROW, "findings": [["fatal", "x"]]}]}, "rows.0.findings.0.0"),
        ({"rows": [{**ROW, "takes": [{"take": 0, "sha256": "0" * 64, "audio": "x"}]}]}, "rows.0.takes.0.take"),
        ({"money": [{"character": "x", "lines": 1, "chirp3-hd": 0, "wavenet": 0, "usd": float("nan")}]}, "money.0.usd"),
        ({"measured": "perhaps"}, "measured"),
    ],
)
def test_a_document_that_is_no_report_is_refused_by_its_field(changes: dict[str, Any], said: str) -> None:
    content, report = published_with(**changes)
    with pytest.raises(UsageError, match=f"^{said}"):
        read_published(content, report, ID)


@pytest.mark.parametrize("content", [b"", b"[]", b"\xff", b"[" * 100_000])
def test_what_is_no_document_is_refused(content: bytes) -> None:
    report = announcement(content or b" ", NOW)
    with pytest.raises(UsageError):
        read_published(content, report, ID)


def test_what_a_later_version_says_besides_is_passed_over() -> None:
    content, report = published_with(mood="grim", rows=[{**ROW, "mood": "grim"}])
    assert read_published(content, report, ID).rows[0].line == "l-1"
