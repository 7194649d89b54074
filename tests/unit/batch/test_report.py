"""The page that plays a batch: whatever a script is called and its lines say, it stands there as text."""

from __future__ import annotations

import json
import re

import pytest

from tests.unit.batches import line
from worker.batch.report import AudioPlace, render_report


@pytest.mark.parametrize("title", ["act@DATA@1.jsonl", "@TITLE@", "a</script>b & c.csv"])
def test_a_name_or_a_text_with_a_placeholder_breaks_no_page(title: str) -> None:
    text = "He said @DATA@ and @TITLE@ & more."
    page = render_report([line("l-1", text=text)], {}, title=title, audio=lambda _: AudioPlace())
    escaped = title.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    assert f"<title>{escaped}</title>" in page
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    assert [row["text"] for row in json.loads(found[1])] == [text]
