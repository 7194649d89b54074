"""Verdicts on a batch's lines: the last one counts, what a form says as one, and who may give it."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from starlette.requests import Request

from schemas.enums import VerdictChoice
from schemas.errors import UsageError
from schemas.verdict import LONGEST_NOTE, Verdict
from tests.unit.console.web.consoles import (
    DIRECTOR,
    GAME,
    LISTENER,
    OPERATOR,
    READER,
    console_parts,
    signed_in,
)
from tests.unit.rollouts import NOW
from worker.batch.line_status import line_of_job
from worker.console.web.batch.verdicts import KnownVerdicts, read_verdict
from worker.console.web.session import COOKIE
from worker.kafka.client.events import Event

SHA256 = "0f" * 32
FORM = {"script": "act-1.csv", "line": "l-1", "character": "ghoul", "sha256": SHA256, "verdict": "redo", "note": "slow"}
PATH = "/batch/run-1/verdict"


def given(**fields: str) -> Verdict:
    return read_verdict({**FORM, **fields}, client="mei", time=NOW, identity="console-1")


def record(verdict: Verdict) -> SimpleNamespace:
    return SimpleNamespace(value=verdict.model_dump_json(exclude_none=True).encode())


def test_a_form_is_a_verdict_with_who_gave_it_and_on_which_audio() -> None:
    verdict = given(note=" zu langsam\r\n太慢 ")
    assert (verdict.verdict, verdict.note, verdict.by, verdict.at) == (
        VerdictChoice.REDO,
        "zu langsam\n太慢",
        "mei",
        NOW,
    )
    assert (verdict.script, verdict.line, verdict.sha256, verdict.take) == ("act-1.csv", "l-1", SHA256, None)


def test_who_accepts_a_take_beside_the_lines_own_chooses_it() -> None:
    assert given(verdict="accept", candidate="3").take == 3
    assert given(verdict="redo", candidate="3").take is None
    assert given(verdict="accept").take is None


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"verdict": "maybe"}, "verdict"),
        ({"note": "x" * (LONGEST_NOTE + 1)}, "note"),
        ({"note": "a\x00"}, "note"),
        ({"sha256": "x"}, "sha256"),
        ({"line": ""}, "line"),
        ({"script": ""}, "script"),
        ({"character": "x" * 65}, "character"),
        ({"verdict": "accept", "candidate": "x"}, "take"),
        ({"verdict": "accept", "candidate": "9" * 30}, "take"),
    ],
)
def test_a_wrong_field_is_named(fields: dict[str, str], named: str) -> None:
    with pytest.raises(UsageError, match=f"^{named}: "):
        given(**fields)


def test_the_last_verdict_of_a_line_counts_and_an_empty_one_takes_it_back() -> None:
    known = KnownVerdicts()
    for each in (given(), given(verdict="accept", note=""), given(line="l-2"), given(script="act-2.csv")):
        known.observe(record(each))
    for strange in (None, b"", b"[]", b'{"line": "l-1"}', b"\xff", b"[" * 100_000):
        known.observe(SimpleNamespace(value=strange))
    assert {line: each.verdict for line, each in known.of_script("act-1.csv").items()} == {
        "l-1": "accept",
        "l-2": "redo",
    }
    known.observe(record(given(verdict="", note="")))
    assert set(known.of_script("act-1.csv")) == {"l-2"}
    assert known.of_script("act-3.csv") == {}


@pytest.mark.parametrize(
    ("job_id", "line"),
    [
        ("intro-2:3f2a9c1b07", "intro-2"),
        ("intro-2:3f2a9c1b07:4", "intro-2"),
        ("scene:3:3f2a9c1b07+take2", "scene:3"),
        ("intro-2.t3:3f2a9c1b07", "intro-2.t3"),
        ("a:0123456789:3f2a9c1b07:2", "a:0123456789"),
        ("http-3f2a9c1b07", None),
        ("intro-2", None),
        (":3f2a9c1b07", None),
    ],
)
def test_a_batch_s_job_says_which_line_it_is_of(job_id: str, line: str | None) -> None:
    assert line_of_job(job_id) == line


async def test_a_verdict_is_sent_and_shown_by_who_may_listen_and_see_the_batch() -> None:
    sent: list[Event] = []

    async def send(event: Event) -> None:
        sent.append(event)

    parts = console_parts(send_event=send)
    visiting = await signed_in(parts, DIRECTOR)
    session = parts.sessions.read(
        Request({"type": "http", "headers": [(b"cookie", f"{COOKIE}={visiting.cookies[COOKIE]}".encode())]})
    )
    assert session is not None
    csrf = session.csrf
    answer = await visiting.post(PATH, {**FORM, "csrf": csrf, "note": "<b>slow</b>"}, hx_request="true")
    assert answer.status == 200, answer.text
    (verdict,) = sent
    assert isinstance(verdict, Verdict)
    assert (verdict.by, verdict.verdict) == ("mei", "redo")
    assert "&lt;b&gt;slow&lt;/b&gt;" in answer.text
    assert 'aria-pressed="true"' in answer.text
    assert set(parts.verdicts.of_script("act-1.csv")) == {"l-1"}
    plain = await visiting.post(PATH, {**FORM, "csrf": csrf})
    assert (plain.status, plain.header("location")) == (303, "/batch/run-1")
    assert (await visiting.post(PATH, {**FORM, "csrf": csrf, "verdict": "x"})).status == 422
    assert (await visiting.post(PATH, FORM)).status == 403, "without the form's secret"


@pytest.mark.parametrize(
    ("somebody", "lacks"), [(OPERATOR, "listen"), (READER, "listen"), (GAME, "read"), (LISTENER, "read")]
)
async def test_a_verdict_needs_both_scopes(somebody: object, lacks: str) -> None:
    answer = await (await signed_in(console_parts(), somebody)).post(PATH, {**FORM, "csrf": "x"})
    assert answer.status == 403
    assert f"lacks the scope {lacks}" in answer.text
