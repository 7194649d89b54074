"""Login, logout and language: no session is fixed beforehand, and nobody is led to another site."""

from __future__ import annotations

import pytest

from tests.unit.console.web.consoles import OPERATOR, console_parts, csrf_of, signed_in, token_of, visitor
from worker.console.web.forms import local_path
from worker.console.web.session import COOKIE

ELSEWHERE = (
    "https://evil.test", "//evil.test", "///evil.test", "/\\evil.test", "\\\\evil.test", "/\t/evil.test",
    "/\n/evil.test", "javascript:alert(1)", "evil.test", "", "http:/evil.test", " //evil.test", "/\x00/evil.test",
    "%2F%2Fevil.test",
)  # fmt: skip


@pytest.mark.parametrize("text", ELSEWHERE)
async def test_a_login_leads_to_no_other_site(text: str) -> None:
    assert local_path(text) == "/"
    answer = await visitor(console_parts()).post("/login", {"token": token_of(OPERATOR), "next": text})
    assert (answer.status, answer.header("location")) == (303, "/")
    answer = await visitor(console_parts()).post("/language", {"language": "zh-TW", "next": text})
    assert answer.header("location") == "/"


@pytest.mark.parametrize("text", ["/rollout", "/lines?job_id=a%2Fb&since=1d", "/dead-letters/ab12"])
def test_a_login_leads_back_to_the_page(text: str) -> None:
    assert local_path(text) == text


async def test_a_wrong_token_gets_no_session_and_may_be_typed_again() -> None:
    visiting = visitor(console_parts())
    answer = await visiting.post("/login", {"token": "<b>no", "next": "/lines"})
    assert answer.status == 401
    assert "This token is unknown" in answer.text
    assert "<b>no" not in answer.text
    assert 'value="/lines"' in answer.text
    assert COOKIE not in visiting.cookies


async def test_each_login_begins_a_session_of_its_own() -> None:
    parts = console_parts()
    visiting = await signed_in(parts)
    fixed, secret = visiting.cookies[COOKIE], csrf_of(await visiting.get("/rollout"))
    await visiting.post("/login", {"token": token_of(OPERATOR)})
    assert visiting.cookies[COOKIE] != fixed
    page = await visiting.get("/rollout")
    assert csrf_of(page) != secret
    assert "anna" in page.text


async def test_the_cookie_is_for_this_site_alone_and_for_no_script() -> None:
    visiting = visitor(console_parts())
    answer = await visiting.post("/login", {"token": token_of(OPERATOR)})
    cookie = answer.header("set-cookie").lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert "path=/" in cookie
    assert "secure" not in cookie
    assert token_of(OPERATOR).lower() not in cookie
    answer = await visitor(console_parts()).call("POST", "/login", {"token": token_of(OPERATOR)}, {}, scheme="https")
    assert "secure" in answer.header("set-cookie").lower()


async def test_a_cookie_that_was_changed_or_is_another_consoles_is_none() -> None:
    parts = console_parts()
    visiting = await signed_in(parts)
    whole = visiting.cookies[COOKIE]
    for forged in ("", "x", whole[:-4] + "AAAA", whole[::-1], "é"):
        visiting.cookies[COOKIE] = forged
        assert (await visiting.get("/rollout")).status == 303


async def test_a_logout_ends_the_session_in_this_browser() -> None:
    visiting = await signed_in(console_parts())
    assert (await visiting.post("/logout", {})).header("location") == "/login"
    assert (await visiting.get("/rollout")).status == 303


async def test_the_language_is_the_browsers_until_the_visitor_chooses() -> None:
    visiting = await signed_in(console_parts())
    assert '<html lang="en">' in (await visiting.get("/rollout")).text
    answer = await visiting.get("/rollout", accept_language="fr;q=0.9, zh-Hant-TW;q=0.8, en;q=0.1")
    assert '<html lang="zh-TW">' in answer.text
    await visiting.post("/language", {"language": "en", "next": "/rollout"})
    assert '<html lang="en">' in (await visiting.get("/rollout", accept_language="zh-TW")).text
    await visiting.post("/language", {"language": "tlh", "next": "/rollout"})
    assert '<html lang="en">' in (await visiting.get("/rollout", accept_language="zh-TW")).text


async def test_a_link_from_another_site_is_loaded_again_so_that_the_browser_sends_its_cookie() -> None:
    parts = console_parts()
    first = await visitor(parts).get("/rollout", sec_fetch_site="cross-site")
    assert first.status == 200
    assert 'http-equiv="refresh" content="0"' in first.text
    # Who has no session is led to the login then.
    assert (await visitor(parts).get("/rollout", sec_fetch_site="same-origin")).status == 303
    assert (await (await signed_in(parts)).get("/rollout", sec_fetch_site="cross-site")).status == 200
