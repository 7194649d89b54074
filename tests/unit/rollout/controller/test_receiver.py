"""A receiver gets a message in its format, with its key and the same id in each attempt."""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from hashlib import sha256

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from pydantic import SecretStr

from tests.unit.rollout.controller.messages.messages import message
from tests.unit.rollouts import NOW
from worker.rollout.controller.mailbox import Sent
from worker.rollout.controller.receiver import Delivery, Receiver, build_receivers, webhook_session

KEY = b"k" * 32
SECRET = "whsec_" + base64.b64encode(KEY).decode()


class Requests:
    """Keeps what it gets, and answers with a status."""

    def __init__(self) -> None:
        self.status = 202
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.url = ""

    async def take(self, request: web.Request) -> web.Response:
        self.got.append((dict(request.headers), await request.read()))
        return web.Response(status=self.status, headers={"Location": "/elsewhere"} if 300 < self.status < 400 else None)


@pytest.fixture(autouse=True)
def _no_request_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("worker.rollout.controller.receiver._TIMEOUT_S", 60.0)


@pytest.fixture
async def requests() -> AsyncIterator[Requests]:
    made = Requests()
    app = web.Application()
    app.add_routes([web.route("*", "/{path:.*}", made.take)])
    server = TestServer(app)
    await server.start_server()
    made.url = str(server.make_url("/"))
    yield made
    await server.close()


async def send(address: str, key: str | None = None, times: int = 1) -> Delivery:
    moments = iter(NOW + timedelta(seconds=number) for number in range(times))
    async with aiohttp.ClientSession() as session:
        keys = {} if key is None else {"team": SecretStr(key)}
        receiver = build_receivers(session, {"team": SecretStr(address)}, keys, lambda: next(moments))["team"]
        for _ in range(times):
            delivery = await receiver.send("an id", message())
    return delivery


async def test_a_repeat_has_the_same_id_and_a_signature_of_its_own_time(requests: Requests) -> None:
    assert await send(f"json+{requests.url}", SECRET, times=2) == Delivery(Sent.DELIVERED, 202)
    seconds = []
    for headers, body in requests.got:
        assert headers["webhook-id"] == headers["Idempotency-Key"] == "an id"
        assert headers["Content-Type"] == "application/json"
        seconds.append(int(headers["webhook-timestamp"]))
        signed = f"an id.{headers['webhook-timestamp']}.".encode() + body
        expected = base64.b64encode(hmac.new(KEY, signed, sha256).digest()).decode()
        assert headers["webhook-signature"] == f"v1,{expected}"
    assert seconds[1] - seconds[0] == 1


async def test_pagerdutys_key_stands_in_the_body_and_signs_nothing(requests: Requests) -> None:
    await send(f"pagerduty+{requests.url}", "R0" * 16)
    ((headers, body),) = requests.got
    assert json.loads(body)["routing_key"] == "R0" * 16
    assert "webhook-signature" not in headers


async def test_without_a_format_and_a_key_it_is_the_text_alone(requests: Requests) -> None:
    await send(requests.url)
    ((headers, body),) = requests.got
    assert json.loads(body) == {"text": message().data.text}
    assert "webhook-signature" not in headers


@pytest.mark.parametrize(
    ("status", "sent"),
    [(204, Sent.DELIVERED), (400, Sent.REFUSED), (410, Sent.REFUSED), (429, Sent.FAILED), (503, Sent.FAILED)],
)
async def test_the_status_says_whether_the_same_message_may_be_delivered_later(
    requests: Requests, status: int, sent: Sent
) -> None:
    requests.status = status
    delivery = await send(requests.url)
    assert (delivery.sent, delivery.status) == (sent, status)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed_for_it_may_lead_the_key_to_somebody_else(
    requests: Requests, status: int
) -> None:
    requests.status = status
    delivery = await send(f"pagerduty+{requests.url}", "R0" * 16)
    assert delivery == Delivery(Sent.REFUSED, status, "ClientResponseError")
    assert len(requests.got) == 1


async def test_a_key_that_becomes_one_of_another_kind_fails_until_it_is_right(requests: Requests) -> None:
    delivery = await send(f"json+{requests.url}", "R0" * 16)
    assert (delivery.sent, delivery.status, delivery.error) == (Sent.FAILED, None, "ValueError")
    assert not requests.got


async def test_the_proxy_of_the_environment_counts(requests: Requests, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", requests.url)
    async with webhook_session() as session:
        address = SecretStr("http://hooks.example/")
        receiver = build_receivers(session, {"team": address}, {}, lambda: NOW)["team"]
        assert (await receiver.send("an id", message())).sent is Sent.DELIVERED
    ((headers, _),) = requests.got
    assert headers["Host"] == "hooks.example"


async def test_where_nobody_listens_there_is_no_status() -> None:
    delivery = await send("http://127.0.0.1:9/secret")
    assert (delivery.sent, delivery.status) == (Sent.FAILED, None)
    assert "secret" not in str(delivery)


def test_a_receiver_shows_no_address_and_no_key() -> None:
    receiver = Receiver(None, SecretStr("https://hooks/secret"), SecretStr("secret"), lambda: NOW)  # type: ignore[arg-type]
    assert "secret" not in repr(receiver).lower().replace("secretstr", "")
