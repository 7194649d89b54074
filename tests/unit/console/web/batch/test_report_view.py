"""What a page shows of a script's report: which lines, in which order, and each one's takes."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.enums import AudioEncoding, VerdictChoice
from schemas.errors import UsageError
from schemas.verdict import Verdict
from tests.unit.rollouts import NOW
from worker.batch.report.published import ReportDocument
from worker.console.web.batch.report_view import LINES_PER_PAGE, ShownPart, page_with, part_of

SHA = "a" * 64


def row(number: int, **more: Any) -> dict[str, Any]:
    return {
        "line": f"l-{number}", "character": "ghoul", "text": "Hello.", "language": "en-US", "status": "done",
        "sha256": SHA, "audio": f"takes/ghoul/wavenet/aa/{SHA}.ogg", **more,
    }  # fmt: skip


def document(*rows: dict[str, Any]) -> ReportDocument:
    return ReportDocument.model_validate(
        {"script": "act-1.csv", "id": "ab" * 8, "measured": True, "rows": rows, "money": []}
    )


def part(*rows: dict[str, Any], show: str = "all", page: str = "1", **verdicts: Verdict) -> ShownPart:
    return part_of(document(*rows), verdicts, show=show, page=page)


def lines_of(shown: ShownPart) -> list[str]:
    return [each.row.line for _, lines in shown.scenes for each in lines]


def test_lines_stand_in_the_scripts_order_by_scene_though_a_scene_comes_again() -> None:
    shown = part(row(1, scene="b"), row(2, scene="b"), row(3, scene="a"), row(4, scene="b"), row(5))
    assert [(scene, len(lines)) for scene, lines in shown.scenes] == [("b", 2), ("a", 1), ("b", 1), ("", 1)]


def test_each_choice_shows_its_own_lines_and_all_are_counted() -> None:
    other = {"take": 2, "sha256": "b" * 64, "audio": f"takes/ghoul/wavenet/bb/{'b' * 64}.mulaw.wav", "seconds": 1.5}
    rows = (row(1, findings=[("warning", "x")]), row(2, outliers=["slow"]), row(3, takes=[other]), row(4))
    shown = {name: lines_of(part(*rows, show=name)) for name in ("all", "findings", "outliers", "takes")}
    assert shown == {
        "all": ["l-1", "l-2", "l-3", "l-4"],
        "findings": ["l-1"],
        "outliers": ["l-2"],
        "takes": ["l-3"],
    }
    assert part(*rows).counts == {"all": 4, "findings": 1, "outliers": 1, "takes": 1}
    own, second = part(*rows, show="takes").scenes[0][1][0].takes
    assert (own.number, second.number, second.seconds) == (None, 2, 1.5)
    assert own.audio is not None
    assert second.audio is not None
    assert (own.audio.encoding, second.audio.encoding) == (AudioEncoding.OGG_OPUS, AudioEncoding.MULAW)
    assert second.judged is not None
    assert (second.judged.line, second.judged.candidate, second.judged.sha256) == ("l-3", "2", "b" * 64)


def test_a_line_without_audio_has_nothing_to_judge() -> None:
    (_, (line,)), = part(row(1, sha256=None, audio=None, status="failed")).scenes  # fmt: skip
    (own,) = line.takes
    assert (own.audio, own.judged) == (None, None)


def test_a_verdict_belongs_to_the_take_that_was_heard() -> None:
    said = Verdict.model_validate(
        {"verdict_id": "v", "script": "act-1.csv", "line": "l-1", "character": "ghoul", "verdict": "redo",
         "sha256": "b" * 64, "by": "mei", "at": NOW.isoformat(), "source": "/console/batch"}
    )  # fmt: skip
    other = {"take": 2, "sha256": "b" * 64, "audio": "takes/x"}
    (_, (line,)), = part(row(1, takes=[other]), **{"l-1": said}).scenes  # fmt: skip
    given = [each.judged and each.judged.verdict for each in line.takes]
    assert given[0] is None
    assert given[1] is not None
    assert given[1].verdict is VerdictChoice.REDO


def test_twenty_thousand_lines_are_shown_a_hundred_at_a_time() -> None:
    rows = [row(number, scene=f"s-{number // 30}") for number in range(20_000)]
    last = part(*rows, page="200")
    assert (last.number, last.pages, LINES_PER_PAGE) == (200, 200, 100)
    assert lines_of(last) == [f"l-{number}" for number in range(19_900, 20_000)]


@pytest.mark.parametrize("page", ["0", "2", "-1", "x", "", "²", "9" * 5000])
def test_a_page_that_there_is_not_is_refused_with_what_is_allowed(page: str) -> None:
    with pytest.raises(UsageError, match="allowed is 1 to 1"):
        part(row(1), page=page)


def test_a_choice_that_there_is_not_is_refused_with_what_is_allowed() -> None:
    with pytest.raises(UsageError, match="allowed is all, findings, outliers, takes"):
        part(row(1), show="<b>")


def test_a_line_is_found_on_its_page() -> None:
    whole = document(*(row(number) for number in range(LINES_PER_PAGE + 1)))
    assert (page_with(whole, "l-99"), page_with(whole, "l-100")) == ("1", "2")
    with pytest.raises(UsageError, match="no such line"):
        page_with(whole, "l-101")
