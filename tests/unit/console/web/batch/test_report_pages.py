"""The page of a script's report: what it shows, and what it says where there is none to show."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from schemas.batch_run import BatchRun
from tests.unit.console.web.consoles import DIRECTOR, READER, console_parts, signed_in
from tests.unit.console.web.requests import Answer
from tests.unit.rollouts import NOW
from worker.batch.report.published import announcement, published_run
from worker.console.access.tokens import Client
from worker.console.web.batch import run_reader
from worker.console.web.parts import ConsoleParts
from worker.storage.errors import StorageUnavailableError
from worker.storage.takes import report_key

ID = "ab" * 8
OWN, OTHER = (f"takes/ghoul/wavenet/{digit * 2}/{digit * 64}.ogg" for digit in "ab")
ROW = {
    "line": "l-1", "character": "ghoul", "text": "<b>Hello</b> there.", "language": "en-US", "status": "done",
    "model": "wavenet", "scene": "garden", "sha256": "a" * 64, "audio": OWN, "seconds": 1.25,
    "takes": [{"take": 2, "sha256": "b" * 64, "audio": OTHER, "seconds": 2.5, "model": "wavenet"}],
    "findings": [["warning", "all in capitals <i> [all-caps]"]], "outliers": ["It speaks faster."],
}  # fmt: skip
MONEY = {"character": "ghoul", "lines": 1, "chirp3-hd": 1000, "wavenet": 0, "usd": 0.03}


def content_of(**changes: Any) -> bytes:
    document = {"script": "act-1.csv", "id": ID, "measured": True, "rows": [ROW], "money": [MONEY]}
    return json.dumps({**document, **changes}).encode()


def run_of(content: bytes) -> BatchRun:
    return published_run(content, announcement(content, NOW), 1)


def parts_of(run: BatchRun, fetch: Callable[[str, int], Awaitable[bytes | None]]) -> ConsoleParts:
    parts = replace(console_parts(), fetch_document=fetch)
    parts.runs.observe(SimpleNamespace(key=run.run_id.encode(), value=run.model_dump_json().encode()))
    return parts


async def page(
    run: BatchRun,
    stored: bytes | None,
    *,
    somebody: Client = READER,
    query: str = "",
    language: str = "en",
) -> Answer:
    async def fetch(key: str, size: int) -> bytes | None:
        assert run.report is not None
        assert (key, size) == (report_key("takes", run.report.sha256), run.report.bytes)
        return stored

    visiting = await signed_in(parts_of(run, fetch), somebody)
    return await visiting.get(f"/batch/{run.run_id}/report{query}", accept_language=language)


CONTENT = content_of()


async def test_it_shows_findings_outliers_money_and_each_take_by_the_consoles_own_address() -> None:
    answer = await page(run_of(CONTENT), CONTENT)
    assert answer.status == 200
    for said in ("&lt;b&gt;Hello&lt;/b&gt; there.", "all in capitals &lt;i&gt; [all-caps]", "It speaks faster.",
                 "0.0300", "Take 2", "2.5 s", "garden"):  # fmt: skip
        assert said in answer.text
    for key in (OWN, OTHER):
        assert f'src="/lines/audio?key={key}"' in answer.text
    assert 'action="/batch/' not in answer.text, "who reads alone gives no verdict"


async def test_who_listens_too_judges_each_take() -> None:
    answer = await page(run_of(CONTENT), CONTENT, somebody=DIRECTOR)
    assert answer.text.count(f'<form method="post" action="/batch/report-{ID}/verdict"') == 2
    assert 'name="candidate" value="2"' in answer.text


@pytest.mark.parametrize("key", ["https://evil.test/x.ogg", "//evil.test/x.ogg", "javascript:alert(1)", '"><script>'])
async def test_an_address_that_a_report_names_stays_a_key(key: str) -> None:
    content = content_of(rows=[{**ROW, "audio": key}])
    answer = await page(run_of(content), content)
    assert answer.status == 200
    assert 'src="//' not in answer.text
    assert "evil.test" not in answer.text.replace("key=https%3A//evil.test", "").replace("key=//evil.test", "")
    assert "<script>" not in answer.text


COMMAND = "chirp-worker batch report SCRIPT --publish"


async def test_a_run_without_a_report_says_what_is_missing_and_the_command() -> None:
    run = run_of(CONTENT)
    for old in ({"report": None}, {"report": None, "script_id": None}):
        answer = await page(run.model_copy(update=old), None)
        assert answer.status == 200
        assert "No findings by line, outliers, other takes or money" in answer.text
        assert COMMAND in answer.text


async def test_a_deleted_report_says_so_and_the_command() -> None:
    answer = await page(run_of(CONTENT), None)
    assert "in the store any more" in answer.text
    assert COMMAND in answer.text


@pytest.mark.parametrize(
    ("announced", "stored", "said"),
    [
        (CONTENT, CONTENT.replace(b"Hello", b"Hullo"), "SHA-256"),
        (content_of(id="cd" * 8), None, "another script"),
        (content_of(rows=[{**ROW, "status": "<b>"}]), None, "rows.0.status"),
        (b"{", None, "Invalid JSON"),
    ],
)
async def test_what_is_no_report_of_this_script_is_not_shown(announced: bytes, stored: bytes | None, said: str) -> None:
    run = run_of(CONTENT).model_copy(update={"report": announcement(announced, NOW)})
    answer = await page(run, stored or announced)
    assert answer.status == 200
    assert said in answer.text
    assert COMMAND in answer.text
    assert "there." not in answer.text


async def test_audio_that_was_not_measured_is_said_to_be_missing() -> None:
    for measured in (True, False):
        content = content_of(measured=measured)
        answer = await page(run_of(content), content)
        assert ("level and silence are missing" in answer.text) is not measured


async def test_pages_and_choices_that_there_are_not_are_refused() -> None:
    for query, said in (("?page=2", "1 to 1"), ("?show=x", "all, findings")):
        answer = await page(run_of(CONTENT), CONTENT, query=query)
        assert answer.status == 422
        assert said in answer.text
    many = content_of(rows=[{**ROW, "line": f"l-{number}"} for number in range(101)])
    answer = await page(run_of(many), many, query="?show=takes")
    assert f'href="/batch/report-{ID}/report?show=takes&amp;page=2"' in answer.text


async def test_a_link_leads_to_a_line() -> None:
    content = content_of(rows=[{**ROW, "line": f"l {number}"} for number in range(101)])
    answer = await page(run_of(content), content, query="?line=l%20100&show=findings")
    assert answer.text.count('id="sought" aria-current="true"') == 1
    assert f'href="/batch/report-{ID}/report?line=l%20100#sought"' in answer.text
    assert "page 2 of 2" in answer.text
    missing = await page(run_of(content), content, query="?line=nothing")
    assert missing.status == 422


async def test_it_is_in_the_visitors_language() -> None:
    answer = await page(run_of(CONTENT), CONTENT, language="zh-TW")
    assert "各角色花費" in answer.text


async def test_a_run_that_there_is_not_and_a_store_that_is_down_have_their_own_pages() -> None:
    async def down(_key: str, _size: int) -> bytes | None:
        raise StorageUnavailableError("download of it: no answer")

    run = run_of(CONTENT)
    visiting = await signed_in(parts_of(run, down), READER)
    assert (await visiting.get("/batch/nothing/report")).status == 404
    assert (await visiting.get(f"/batch/{run.run_id}/report")).status == 503


async def test_a_topic_that_is_not_read_yet_is_no_missing_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_reader, "_LONGEST_S", 0.01)
    parts = replace(console_parts(), runs_read=asyncio.Event().wait)
    for path in ("/batch", "/batch/nothing"):
        answer = await (await signed_in(parts, READER)).get(path)
        assert (answer.status, "tts.batch-runs isn&#39;t read yet" in answer.text) == (503, True)
