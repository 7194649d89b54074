"""Tokens come from an OIDC endpoint, AWS' own signer, or Google's own credentials; a failure says what to do."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import google.auth
import pytest
from aiohttp import BasicAuth, web
from aiohttp.test_utils import TestServer
from google.oauth2.credentials import Credentials

from schemas.errors import UsageError
from worker.config.sections import KafkaSettings
from worker.config.settings import load_settings
from worker.kafka.client.oauth_token import Token, TokenError
from worker.kafka.client.token_sources import token_source
from worker.lifecycle.clock import Clock

NOW = datetime(2026, 1, 1, tzinfo=UTC)
CLOCK = Clock(now=lambda: NOW)
LOGIN = {"KAFKA_SECURITY_PROTOCOL": "SASL_SSL", "KAFKA_SASL_MECHANISM": "OAUTHBEARER"}
OAUTH = "KAFKA_SASL_OAUTHBEARER"


def kafka(method: str, **settings: str) -> KafkaSettings:
    named = {f"{OAUTH}_{name}": value for name, value in settings.items()}
    return load_settings({**LOGIN, f"{OAUTH}_METHOD": method, **named}).kafka


class Endpoint:
    """Answers with what a test sets, and keeps the last request."""

    def __init__(self) -> None:
        self.status = 200
        self.answer: object = {"access_token": "a.b.c", "expires_in": 60}
        self.form: dict[str, Any] = {}
        self.login: BasicAuth | None = None
        self.url = self.authorization = ""

    async def serve(self, request: web.Request) -> web.Response:
        self.form = dict(await request.post())
        self.authorization = request.headers["Authorization"]
        self.login = BasicAuth.decode(self.authorization)
        text = self.answer if isinstance(self.answer, str) else json.dumps(self.answer)
        return web.Response(status=self.status, text=text, headers={"Location": "/elsewhere"})

    async def fetch(self, **settings: str) -> Token:
        login = {"CLIENT_ID": "worker", "CLIENT_SECRET": "a secret"}
        return await token_source(kafka("oidc", TOKEN_ENDPOINT_URL=self.url, **login, **settings), CLOCK)()


@pytest.fixture
async def endpoint() -> AsyncIterator[Endpoint]:
    found = Endpoint()
    application = web.Application()
    application.router.add_post("/token", found.serve)
    async with TestServer(application) as server:
        found.url = str(server.make_url("/token"))
        yield found


async def test_an_oidc_endpoint_gets_the_clients_login_and_scope(endpoint: Endpoint) -> None:
    assert await endpoint.fetch(SCOPE="read write") == Token("a.b.c", NOW.timestamp() + 60)
    assert endpoint.login == BasicAuth("worker", "a secret")
    assert endpoint.form == {"grant_type": "client_credentials", "scope": "read write"}


async def test_a_token_of_unsaid_length_lives_for_five_minutes(endpoint: Endpoint) -> None:
    endpoint.answer = {"access_token": "opaque"}
    assert await endpoint.fetch() == Token("opaque", NOW.timestamp() + 300)
    assert endpoint.form == {"grant_type": "client_credentials"}


@pytest.mark.parametrize(
    ("status", "answer", "message", "advice"),
    [
        (401, {"error": "invalid_client"}, "answers 401: invalid_client", "_CLIENT_SECRET"),
        (400, {"error": "invalid_scope", "error_description": "no\nsuch"}, "400: invalid_scope: no such", "_SCOPE"),
        (403, "<html>", "answers 403: no reason given", "_CLIENT_ID"),
        (503, "busy", "answers 503: no reason given", "_TOKEN_ENDPOINT_URL"),
        (302, "", "answers 302: no reason given", "_TOKEN_ENDPOINT_URL"),
        (200, "<html>", "has no access_token and expires_in", "_TOKEN_ENDPOINT_URL"),
        (200, {"token": "x"}, "has no access_token and expires_in", "_TOKEN_ENDPOINT_URL"),
        (200, {"access_token": "x", "expires_in": "soon"}, "has no access_token", "_TOKEN_ENDPOINT_URL"),
        (200, '{"access_token": "x", "expires_in": NaN}', "its expires_in is no number", "_TOKEN_ENDPOINT_URL"),
        (200, {"access_token": "a\nb"}, "its access_token is no token", "_TOKEN_ENDPOINT_URL"),
        (200, {"access_token": 5}, "its access_token is no token", "_TOKEN_ENDPOINT_URL"),
        (200, [], "has no access_token", "_TOKEN_ENDPOINT_URL"),
    ],
)
async def test_an_endpoint_that_gives_no_token_is_an_error_of_one_line(
    status: int, answer: object, message: str, advice: str, endpoint: Endpoint
) -> None:
    endpoint.status, endpoint.answer = status, answer
    with pytest.raises(TokenError) as raised:
        await endpoint.fetch()
    assert str(raised.value).startswith(f"token endpoint {endpoint.url}")
    assert message in str(raised.value)
    assert advice in raised.value.advice
    assert "a secret" not in str(raised.value)


async def test_a_client_whose_secret_is_of_any_letters_is_sent_by_utf_8(endpoint: Endpoint) -> None:
    settings = kafka("oidc", TOKEN_ENDPOINT_URL=endpoint.url, CLIENT_ID="wörker", CLIENT_SECRET="żółw")
    await token_source(settings, CLOCK)()
    login = BasicAuth.decode(endpoint.authorization, encoding="utf-8")
    assert (login.login, login.password) == ("wörker", "żółw")


async def test_a_client_whose_id_no_login_can_send_is_an_error_that_says_so(endpoint: Endpoint) -> None:
    settings = kafka("oidc", TOKEN_ENDPOINT_URL=endpoint.url, CLIENT_ID="a:b", CLIENT_SECRET="a secret")
    with pytest.raises(TokenError, match="has a colon"):
        await token_source(settings, CLOCK)()


async def test_an_endpoint_that_nobody_serves_is_an_error_that_names_it(endpoint: Endpoint) -> None:
    endpoint.url = "http://127.0.0.1:9/token"
    with pytest.raises(TokenError, match=r"^token endpoint http://127\.0\.0\.1:9/token: \[Errno 111\] Connect call"):
        await endpoint.fetch()


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A process with AWS' keys in its environment, and no other source of them."""
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a secret")


MSK = "b-1.demo.abc123.c2.kafka.eu-central-1.amazonaws.com:9098"


def msk(**settings: str) -> KafkaSettings:
    login = {**LOGIN, f"{OAUTH}_METHOD": "aws_msk_iam"}
    return load_settings({**login, "KAFKA_BOOTSTRAP_SERVERS": MSK, **settings}).kafka


@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize(
    ("settings", "region"), [({}, "eu-central-1"), ({f"{OAUTH}_AWS_REGION": "us-east-2"}, "us-east-2")]
)
async def test_aws_signer_signs_a_login_for_the_clusters_region(settings: dict[str, str], region: str) -> None:
    token = await token_source(msk(**settings), CLOCK)()
    url = urlsplit(base64.urlsafe_b64decode(token.value + "=" * (-len(token.value) % 4)).decode())
    query = parse_qs(url.query)
    assert url.netloc == f"kafka.{region}.amazonaws.com"
    assert query["Action"] == ["kafka-cluster:Connect"]
    assert query["X-Amz-Credential"][0].startswith("AKIDEXAMPLE/")
    # The signer's own clock: 15 minutes from now.
    assert timedelta(0) < datetime.fromtimestamp(token.expires_at, UTC) - datetime.now(UTC) <= timedelta(minutes=15)


@pytest.mark.usefixtures("aws")
async def test_a_process_without_keys_of_aws_is_an_error_that_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(TokenError, match="AWS: this process has no credentials") as raised:
        await token_source(msk(), CLOCK)()
    assert "credentials of AWS" in raised.value.advice


def test_a_cluster_whose_region_nobody_names_is_refused() -> None:
    with pytest.raises(UsageError, match=r"^KAFKA_SASL_OAUTHBEARER_AWS_REGION: is unset"):
        token_source(msk(KAFKA_BOOTSTRAP_SERVERS="kafka.internal:9098"), CLOCK)


class FakeGoogle(Credentials):  # type: ignore[misc]  # google.auth has no types
    """Google's credentials whose token is renewed without Google."""

    def refresh(self, _request: object) -> None:
        self.token, self.expiry = "ya29.token", (NOW + timedelta(hours=1)).replace(tzinfo=None)


def google_login(monkeypatch: pytest.MonkeyPatch, account: str) -> None:
    monkeypatch.setattr(google.auth, "default", lambda **_: (FakeGoogle(None, account=account), "project"))


async def test_googles_token_is_wrapped_as_its_kafka_takes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    google_login(monkeypatch, "worker@project.iam.gserviceaccount.com")
    token = await token_source(kafka("google"), CLOCK)()
    header, claims, inner = (base64.urlsafe_b64decode(part + "==") for part in token.value.split("."))
    assert json.loads(header) == {"typ": "JWT", "alg": "GOOG_OAUTH2_TOKEN"}
    assert json.loads(claims)["sub"] == "worker@project.iam.gserviceaccount.com"
    assert json.loads(claims)["exp"] == token.expires_at == NOW.timestamp() + 3600
    assert inner == b"ya29.token"


async def test_credentials_of_google_that_name_no_account_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    google_login(monkeypatch, "")
    with pytest.raises(TokenError, match="name no account"):
        await token_source(kafka("google"), CLOCK)()


async def test_a_process_without_credentials_of_google_is_an_error_that_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def default(scopes: list[str]) -> Any:
        raise google.auth.exceptions.DefaultCredentialsError(f"none for {scopes}")

    monkeypatch.setattr(google.auth, "default", default)
    with pytest.raises(TokenError, match=r"^Google: DefaultCredentialsError: none for ") as raised:
        await token_source(kafka("google"), CLOCK)()
    assert "credentials of Google" in raised.value.advice
