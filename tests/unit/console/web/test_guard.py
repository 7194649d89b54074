"""What each page and form of the console passes: login, scope, limit, origin, the form's secret."""

from __future__ import annotations

import pytest

from tests.unit.console.web.consoles import (
    DIRECTOR,
    ENTRIES,
    GAME,
    LISTENER,
    OPERATOR,
    READER,
    console_parts,
    csrf_of,
    signed_in,
    token_of,
    visitor,
)
from worker.console.access.tokens import Client
from worker.console.web.session import COOKIE

PAGES = (
    *("/rollout", "/rollout/now", "/rollout/events"),
    *("/lines", "/lines/found", "/lines/waveform", "/lines/audio", "/dead-letters", "/dead-letters/ab12", "/fleet"),
    *("/batch", "/batch/ab12", "/batch/ab12/report"),
    *("/results", "/results/votes.csv", "/results/votes.svg"),
)
FORMS = (
    *(f"/rollout/{verb}" for verb in ("off", "pause", "resume", "promote", "step-back")),
    *(f"/rollout/{verb}" for verb in ("approve", "reject", "exclude", "include")),
    "/dead-letters/replay",
    *("/pairs/plan", "/pairs/make"),
)


@pytest.mark.parametrize("path", PAGES)
async def test_a_page_leads_who_has_no_session_to_the_login_and_back(path: str) -> None:
    answer = await visitor(console_parts()).get(f"{path}?a=1%262")
    assert answer.status == 303
    assert answer.header("location") == f"/login?next={path.replace('/', '%2F')}%3Fa%3D1%25262"


# Each with the scope that it needs beside read.
JUDGING = {"/batch/ab12/verdict": "listen", "/lines/cancel": "enqueue or operate"}


@pytest.mark.parametrize("path", [*FORMS, *JUDGING])
async def test_a_form_without_a_session_changes_nothing(path: str) -> None:
    assert (await visitor(console_parts()).post(path, {})).status == 401


@pytest.mark.parametrize("path", PAGES)
async def test_a_page_needs_the_scope_read(path: str) -> None:
    for somebody in (GAME, LISTENER):
        visiting = await signed_in(console_parts(), somebody)
        answer = await visiting.get(path)
        assert answer.status == 403
        assert "lacks the scope read" in answer.text


async def test_blind_pairs_need_the_scope_listen_and_who_has_no_other_sees_nothing_else() -> None:
    for somebody in (OPERATOR, READER, GAME):
        visiting = await signed_in(console_parts(), somebody)
        for path in ("/listen", "/listen/first?ticket=x", "/takes", "/takes/first?ticket=x"):
            assert (await visiting.get(path)).status == 403
        for path in ("/listen", "/takes"):
            assert (await visiting.post(path, {"choice": "first"})).status == 403
    visiting = await signed_in(console_parts(), LISTENER)
    assert (await visiting.get("/")).header("location") == "/listen"
    page = await visiting.get("/listen")
    assert page.status == 200
    assert "/rollout" not in page.text
    assert (await visiting.get("/listen/first?ticket=x")).status == 422
    assert (await visiting.get("/listen/third?ticket=x")).status == 404


@pytest.mark.parametrize("path", ["/pairs", "/pairs/progress"])
async def test_pages_that_lead_to_paid_takes_need_the_scope_operate(path: str) -> None:
    for somebody in (READER, GAME, LISTENER):
        answer = await (await signed_in(console_parts(), somebody)).get(path)
        assert answer.status == 403
        assert "lacks the scope operate" in answer.text
    assert (await (await signed_in(console_parts())).get(path)).status == 200


@pytest.mark.parametrize("path", FORMS)
@pytest.mark.parametrize("somebody", [READER, GAME, LISTENER], ids=lambda each: each.name)
async def test_a_form_needs_the_scope_operate_even_with_its_secret(path: str, somebody: Client) -> None:
    parts = console_parts()
    visiting = await signed_in(parts, somebody)
    answer = await visiting.post(path, {"csrf": "whatever", "confirmed": "yes"})
    assert answer.status == 403
    assert "lacks the scope operate" in answer.text


@pytest.mark.parametrize("path", JUDGING)
async def test_a_form_on_a_page_needs_the_pages_scope_and_its_own(path: str) -> None:
    for somebody, lacks in ((READER, JUDGING[path]), (GAME, "read"), (LISTENER, "read")):
        answer = await (await signed_in(console_parts(), somebody)).post(path, {"csrf": "whatever"})
        assert answer.status == 403
        assert f"lacks the scope {lacks}" in answer.text
    assert (await (await signed_in(console_parts(), OPERATOR)).post("/lines/cancel", {})).status == 403


@pytest.mark.parametrize("path", [*FORMS, *JUDGING])
async def test_a_form_needs_its_sessions_secret(path: str) -> None:
    parts = console_parts()
    visiting = await signed_in(parts, DIRECTOR if path in JUDGING and JUDGING[path] == "listen" else OPERATOR)
    of_another_login = csrf_of(await (await signed_in(parts)).get("/rollout"))
    for forged in ({}, {"csrf": ""}, {"csrf": "é"}, {"csrf": of_another_login}):
        answer = await visiting.post(path, forged)
        assert answer.status == 403
        assert "didn't come from this console's page" in answer.text.replace("&#39;", "'")


@pytest.mark.parametrize("path", [*FORMS, *JUDGING, "/login", "/logout", "/language"])
@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.test"},
        {"origin": "null"},
        {"origin": "http://console.test.evil.test"},
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},
    ],
)
async def test_a_form_of_another_site_is_refused(path: str, headers: dict[str, str]) -> None:
    visiting = await signed_in(console_parts())
    page = await visiting.get("/rollout")
    form = {"csrf": csrf_of(page), "token": token_of(OPERATOR)}
    assert (await visiting.post(path, form, **headers)).status == 403


@pytest.mark.parametrize("path", [each for each in FORMS if each.startswith("/rollout")])
async def test_a_verb_of_the_rollout_is_no_page(path: str) -> None:
    visiting = await signed_in(console_parts())
    assert (await visiting.get(path)).status == 405


async def test_a_client_that_comes_too_often_waits() -> None:
    visiting = await signed_in(console_parts(per_minute=2))
    answers = [await visiting.get("/rollout") for _ in range(3)]
    assert [each.status for each in answers] == [200, 200, 429]
    # The window's requests expire in grains of a thousandth, so up to 60 ms after the minute.
    assert 0 < int(answers[-1].header("retry-after")) <= 61


async def test_a_token_that_is_taken_away_ends_its_sessions() -> None:
    entries = list(ENTRIES)
    visiting = await signed_in(console_parts(tokens=lambda: tuple(entries)))
    assert (await visiting.get("/rollout")).status == 200
    entries.clear()
    assert (await visiting.get("/rollout")).status == 303


async def test_every_answer_has_the_headers_that_keep_pages_apart() -> None:
    visiting = await signed_in(console_parts())
    for path in ("/rollout", "/login", "/nothing", "/static/console.css", "/lines/audio?key=x"):
        answer = await visiting.get(path)
        policy = answer.header("content-security-policy")
        assert "default-src 'self'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert answer.header("x-content-type-options") == "nosniff"
        assert answer.header("x-frame-options") == "DENY"
        assert answer.header("referrer-policy") == "same-origin"
    assert (await visiting.get("/rollout")).header("cache-control") == "no-store"


async def test_no_page_has_a_script_or_a_style_within_it() -> None:
    visiting = await signed_in(console_parts())
    for path in ("/rollout", "/login", "/nothing"):
        text = (await visiting.get(path)).text
        assert "<style" not in text
        assert " style=" not in text
        assert all('src="/static/' in each for each in text.split("<script")[1:])


async def test_without_a_tokens_file_whoever_is_on_this_machine_signs_in_by_coming() -> None:
    visiting = visitor(console_parts(tokens=None))
    answer = await visiting.get("/rollout", host="localhost:8090")
    assert answer.status == 200
    assert COOKIE in visiting.cookies
    # A host name that another site has led to this address.
    assert (await visiting.get("/rollout", host="evil.test")).status == 403
    assert (await visiting.post("/rollout/pause", {"csrf": csrf_of(answer)}, host="[::1]:1")).status != 403
