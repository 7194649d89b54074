"""No route without its scope: each is tried with every kind of token; without tokens, only from this machine."""

from __future__ import annotations

import socket

import pytest

from schemas.errors import UsageError
from tests.unit.console.api.serving import LINE, call, serving, token
from tests.unit.opinions import feedback_document
from worker.app.api_socket import listening_socket
from worker.config.settings import load_settings

ROUTES = [
    ("POST", "/v1/lines", "enqueue", 202),
    ("GET", "/v1/lines/none", "read", 404),
    ("GET", "/v1/lines/none/audio", "read", 404),
    ("GET", "/v1/takes?character=codsworth&text=Hello", "read", 200),
    ("GET", "/v1/events?label=wrong", "read", 422),
    ("DELETE", "/v1/lines/none", "enqueue", 404),
    ("POST", "/v1/feedback", "feedback", 202),
]
SCOPES = ("enqueue", "read", "feedback", "operate", "listen")
BODIES = {"/v1/lines": LINE, "/v1/feedback": feedback_document()}


def test_every_route_of_the_document_stands_in_the_table() -> None:
    from worker.console.api.app import describe_app  # noqa: PLC0415
    from worker.console.api.openapi import describe  # noqa: PLC0415

    documented = {(method.upper(), path) for path, each in describe(describe_app())["paths"].items() for method in each}
    tabled = {(method, path.partition("?")[0].replace("none", "{job_id}")) for method, path, _, _ in ROUTES}
    assert documented == tabled


@pytest.mark.parametrize(("method", "path", "scope", "passed"), ROUTES)
async def test_a_route_wants_its_scope_and_no_other(method: str, path: str, scope: str, passed: int) -> None:
    tokens = {each: token(each, each) for each in SCOPES}
    body = {"json": BODIES[path]} if method == "POST" else {}
    async with serving(*(entry for _, entry in tokens.values())) as (world, client, _):
        for name, (bearer, _) in tokens.items():
            status, problem, _ = await call(client, method, path, bearer=bearer, **body)
            assert status == (passed if name == scope else 403), name
            assert name == scope or problem["detail"] == f"scope {scope!r} is missing: {name} has {name}"
        for headers in ({}, {"Authorization": "Basic eDp5"}, {"Authorization": "Bearer"}):
            status, problem, answered = await call(client, method, path, headers=headers, **body)
            assert (status, answered["WWW-Authenticate"]) == (401, "Bearer")
            assert problem["type"] == "urn:chirp-worker:problem:token"
        for wrong in ("x", tokens[scope][0][:-1], tokens[scope][0] + "x", tokens[scope][1].sha256):
            assert (await call(client, method, path, bearer=wrong, **body))[0] == 401
        assert len(world.sent) + len(world.events) == (1 if method == "POST" else 0)


async def test_all_requests_of_a_client_count_against_its_limit_and_wrong_tokens_against_nobodys() -> None:
    bearer, entry = token("wiki", "read")
    async with serving(entry, HTTP_API_REQUESTS_PER_MINUTE="3") as (_, client, _):
        for _ in range(10):
            assert (await call(client, "GET", "/v1/lines/x", bearer="wrong"))[0] == 401
        answers = [await call(client, "GET", "/v1/lines/x", bearer=bearer) for _ in range(4)]
    assert [status for status, _, _ in answers] == [404, 404, 404, 429]
    assert answers[-1][1]["detail"] == "wiki has made 3 requests in a minute, as many as it may"


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8090", "127.0.0.1.evil.example", "", "localhost.evil:1"]
)
async def test_without_tokens_a_page_that_led_its_own_name_here_gets_nothing(host: str) -> None:
    async with serving() as (world, client, _):
        status, problem, _ = await call(client, "POST", "/v1/lines", json=LINE, headers={"Host": host})
        assert (status, problem["type"]) == (403, "urn:chirp-worker:problem:host")
        for good in ("localhost", "localhost:8090", "127.0.0.1:1", "[::1]", "[::1]:8090"):
            assert (await call(client, "GET", "/v1/lines/x", headers={"Host": good}))[0] == 404
    assert world.sent == []


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1"])  # noqa: S104
def test_without_tokens_no_address_that_others_reach_is_listened_at(host: str) -> None:
    settings = load_settings({"HTTP_API_HOST": host, "HTTP_API_PORT": "0"})
    with (
        pytest.raises(UsageError, match="without HTTP_API_TOKENS_FILE allowed is a loopback"),
        listening_socket(settings.http_api),
    ):
        pass


def test_a_port_that_is_taken_is_named() -> None:
    with listening_socket(load_settings({"HTTP_API_PORT": "0"}).http_api) as taken:
        port = str(taken.getsockname()[1])
        settings = load_settings({"HTTP_API_PORT": port})
        with (
            pytest.raises(UsageError, match=f"HTTP_API_PORT={port}: can't listen there"),
            listening_socket(settings.http_api),
        ):
            pass


def test_answers_do_not_wait_for_the_clients_acknowledgement() -> None:
    # asyncio sets TCP_NODELAY on the connections of a socket of this protocol alone.
    with listening_socket(load_settings({"HTTP_API_PORT": "0"}).http_api) as listening:
        assert listening.proto == socket.IPPROTO_TCP


async def test_web_pages_of_other_origins_get_nothing_unless_they_are_named() -> None:
    asked = {"Origin": "https://editor.example", "Access-Control-Request-Method": "POST"}
    async with serving() as (_, client, _):
        status, _, headers = await call(client, "OPTIONS", "/v1/lines", headers=asked)
        assert status == 405
        assert "Access-Control-Allow-Origin" not in headers
    async with serving(HTTP_API_CORS_ORIGINS="https://editor.example") as (_, client, _):
        async with client.options("/v1/lines", headers=asked) as answer:
            assert answer.headers["Access-Control-Allow-Origin"] == "https://editor.example"
        async with client.options("/v1/lines", headers={**asked, "Origin": "https://evil.example"}) as answer:
            assert "Access-Control-Allow-Origin" not in answer.headers
