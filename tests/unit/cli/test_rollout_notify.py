"""`rollout notify --test` sends a test to each receiver, and says of each what to do."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from typer.testing import CliRunner

from worker.cli.main import app


class Receivers:
    """Each path answers with the status that stands in it."""

    def __init__(self) -> None:
        self.bodies: list[tuple[str, str]] = []
        self.url = ""

    async def take(self, request: web.Request) -> web.Response:
        self.bodies.append((request.path, await request.text()))
        status = int(request.match_info["status"])
        return web.Response(status=status, headers={"Location": "/login/200"} if status == 302 else None)


@pytest.fixture(autouse=True)
def _no_request_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("worker.rollout.controller.receiver._TIMEOUT_S", 60.0)


@pytest.fixture(autouse=True)
def _hosts_have_no_address(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name server may be out of reach where tests run: then the answer takes longer than a receiver has."""
    look_up = socket.getaddrinfo

    def refuse_names(host: str, *arguments: Any, **options: Any) -> Any:
        if host.endswith(".invalid"):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return look_up(host, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", refuse_names)


@pytest.fixture
async def receivers() -> AsyncIterator[Receivers]:
    made = Receivers()
    application = web.Application()
    application.add_routes([web.route("*", "/{name}/{status}", made.take)])
    server = TestServer(application)
    await server.start_server()
    made.url = str(server.make_url("/")).rstrip("/")
    yield made
    await server.close()


async def notify(*arguments: str, status: int = 0, **variables: str) -> str:
    # The command runs a loop of its own.
    ended = await asyncio.to_thread(CliRunner().invoke, app, ["rollout", "notify", *arguments], env=variables)
    assert ended.exit_code == status, ended.output
    return ended.output or str(ended.exception)


async def test_each_receiver_gets_a_test_and_has_a_line(receivers: Receivers) -> None:
    hooks = f"team={receivers.url}/team/200,studio=teams+{receivers.url}/studio/202"
    said = await notify("--test", ROLLOUT_WEBHOOKS=hooks)
    assert said.splitlines() == [
        "studio  teams         202  delivered",
        "team    text          200  delivered",
    ]
    assert sorted(path for path, _ in receivers.bodies) == ["/studio/202", "/team/200"]
    assert all("A test of the webhooks: nothing has changed." in body for _, body in receivers.bodies)


async def test_one_may_be_named_and_an_incident_that_a_test_opens_is_closed(receivers: Receivers) -> None:
    hooks = f"team={receivers.url}/team/200,oncall=pagerduty+{receivers.url}/oncall/202"
    said = await notify("--test", "oncall", ROLLOUT_WEBHOOKS=hooks, ROLLOUT_WEBHOOK_KEYS=f"oncall={'R0' * 16}")
    assert said == "oncall  pagerduty     202  delivered\n"
    events = [json.loads(body) for _, body in receivers.bodies]
    assert [each["event_action"] for each in events] == ["trigger", "resolve"]
    assert {each["dedup_key"] for each in events} == {"tts.rollout/a test"}


@pytest.mark.parametrize(
    ("status", "advice"),
    [
        (302, "302  it redirects, which isn't followed: put the address that it leads to into ROLLOUT_WEBHOOKS"),
        (400, "400  it doesn't understand slack: is that the format of this address, and is its key right?"),
        (403, "403  correct the address, or the key in ROLLOUT_WEBHOOK_KEYS"),
        (404, "404  there is no such webhook: correct its address in ROLLOUT_WEBHOOKS"),
        (422, "422  it refuses the message"),
        (429, "429  it takes no more messages now: try again later"),
        (503, "503  it fails: try again later, or repair it"),
    ],
)
async def test_a_failure_says_what_to_do_and_the_exit_code_is_1(receivers: Receivers, status: int, advice: str) -> None:
    hooks = f"ok={receivers.url}/ok/200,team=slack+{receivers.url}/team/{status}"
    said = await notify("--test", status=1, ROLLOUT_WEBHOOKS=hooks)
    assert said.splitlines() == ["ok    text          200  delivered", f"team  slack         {advice}"]
    assert receivers.url not in said


@pytest.mark.parametrize(
    ("address", "advice"),
    [
        ("http://127.0.0.1:9/x", "nothing accepts connections there: check the host, its port and the firewall"),
        ("http://no-such-host.invalid/x", "its host has no address: correct the host"),
    ],
)
async def test_where_nobody_answers_the_line_says_why(address: str, advice: str) -> None:
    assert f"---  {advice}" in await notify("--test", status=1, ROLLOUT_WEBHOOKS=f"team={address}")


async def test_an_address_without_tls_is_named(receivers: Receivers) -> None:
    address = receivers.url.replace("http://", "https://")
    assert "no TLS: should the address begin with http://" in await notify(
        "--test", status=1, ROLLOUT_WEBHOOKS=f"team={address}/team/200"
    )


@pytest.mark.parametrize(
    ("arguments", "hooks", "message"),
    [
        (["--test"], "", "ROLLOUT_WEBHOOKS is unset: it has the receivers' addresses"),
        (["--test", "tema"], "team=https://h", "'tema': allowed is an audience of ROLLOUT_WEBHOOKS: team"),
        ([], "team=https://h", "--test is missing: the controller alone sends other messages"),
    ],
)
async def test_what_it_can_t_send_is_refused(arguments: list[str], hooks: str, message: str) -> None:
    assert await notify(*arguments, status=1, ROLLOUT_WEBHOOKS=hooks) == message
