"""The page that plays a batch: whatever a script is called and its lines say, it stands there as text."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.unit.batches import line
from worker.batch.report.page import render_report
from worker.batch.report.rows import AudioPlace, ReportInput
from worker.batch.scripts.model import Line


def page_of(*lines: Line, title: str = "act 1") -> str:
    return render_report(ReportInput(lines, {}, lambda _: AudioPlace()), title=title)


def data_of(page: str) -> Any:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    return json.loads(found[1])


@pytest.mark.parametrize("title", ["act@DATA@1.jsonl", "@TITLE@", "@STYLE@ @SCRIPT@", "a</script>b & c.csv"])
def test_a_name_or_a_text_with_a_placeholder_breaks_no_page(title: str) -> None:
    text = "He said @DATA@, @SCRIPT@ and @TITLE@ & more."
    page = page_of(line("l-1", text=text), title=title)
    escaped = title.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    assert f"<title>{escaped}</title>" in page
    assert [row["text"] for row in data_of(page)["rows"]] == [text]
    assert data_of(page)["script"] == title


def test_a_page_is_one_file_that_loads_nothing() -> None:
    page = page_of(line("l-1"))
    assert not re.search(r"""(src|href)=["']?(https?:)?//|@import|url\(""", page)
    assert page.count("<script") == 2
    assert page.count("<style") == 1


def test_verdicts_are_kept_apart_by_script_and_lines_and_stay_when_a_text_changes() -> None:
    first = data_of(page_of(line("l-1"), line("l-2")))["id"]
    assert data_of(page_of(line("l-1", text="Another text."), line("l-2")))["id"] == first
    assert data_of(page_of(line("l-1"), line("l-3")))["id"] != first
    assert data_of(page_of(line("l-1"), line("l-2"), title="act 2"))["id"] != first
