"""Where access tokens for SASL OAUTHBEARER come from: an OIDC token endpoint, AWS' credentials, or Google's."""

import asyncio
import base64
import json
import math
import re
from datetime import UTC
from functools import partial
from http import HTTPStatus
from ssl import SSLContext
from typing import Any, Final

import aiohttp

from schemas.errors import UsageError
from worker.config.sections import KafkaSettings
from worker.kafka.client.oauth_token import FetchToken, Token, TokenError
from worker.kafka.client.tls import TlsFiles, client_context
from worker.lifecycle.clock import Clock

# Of a token whose endpoint says nothing of it: RFC 6749 leaves that open. Kafka's brokers refuse it once it has ended.
_LIFETIME_S: Final = 300.0
_SHOWN: Final = 200
_REFUSALS: Final = (HTTPStatus.BAD_REQUEST, HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
_CHECK_CLIENT: Final = "correct KAFKA_SASL_OAUTHBEARER_CLIENT_ID, _CLIENT_SECRET and _SCOPE"
_GIVE_CREDENTIALS: Final = "give this process credentials of {} that may log in to the cluster"
_CHECK_ENDPOINT: Final = "correct KAFKA_SASL_OAUTHBEARER_TOKEN_ENDPOINT_URL, or see whether it can be reached"
_AWS_BROKER: Final = re.compile(r"\.kafka(?:-serverless)?\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?:")
_GOOGLE_SCOPE: Final = "https://www.googleapis.com/auth/cloud-platform"


def token_source(settings: KafkaSettings, clock: Clock) -> FetchToken:
    """The source that the settings name.

    Raises:
        UsageError: what the source needs is missing.
    """
    match settings.oauth_method:
        case "oidc":
            return partial(_oidc_token, settings, client_context(_https_files(settings)), clock)
        case "aws_msk_iam":
            return partial(_in_thread, "AWS", _aws_signer(_aws_region(settings)))
        case "google":
            return partial(_in_thread, "Google", partial(_google_token, clock))


def _https_files(settings: KafkaSettings) -> TlsFiles:
    return TlsFiles(ca=settings.https_ca_location, variables=("KAFKA_HTTPS_CA_LOCATION", "", "", ""))


async def _oidc_token(settings: KafkaSettings, tls: SSLContext, clock: Clock) -> Token:
    """By the client's credentials: RFC 6749, section 4.4, with id and secret as HTTP's user and password."""
    url, client_id, secret = settings.oauth_token_endpoint_url, settings.oauth_client_id, settings.oauth_client_secret
    if url is None or client_id is None or secret is None:
        raise TokenError("the token endpoint or the client is not set", _CHECK_CLIENT)
    try:
        login = aiohttp.BasicAuth(client_id.get_secret_value(), secret.get_secret_value(), encoding="utf-8")
    except ValueError:
        raise TokenError("the client's id has a colon, which no login by HTTP can send", _CHECK_CLIENT) from None
    form = {"grant_type": "client_credentials"}
    if settings.oauth_scope is not None:
        form["scope"] = settings.oauth_scope
    now = clock.now().timestamp()
    try:
        # A session a token: one is fetched every few minutes or hours. The shell's proxy counts.
        async with (
            aiohttp.ClientSession(auth=login, trust_env=True) as session,
            session.post(url, data=form, ssl=tls, allow_redirects=False) as answer,
        ):
            text = await answer.text()
    except (aiohttp.ClientError, UnicodeDecodeError) as error:
        # aiohttp's own text has its objects in it.
        reason = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
        raise TokenError(f"token endpoint {url}: {reason}", _CHECK_ENDPOINT) from None
    if answer.status != HTTPStatus.OK:
        advice = _CHECK_CLIENT if answer.status in _REFUSALS else _CHECK_ENDPOINT
        raise TokenError(f"token endpoint {url} answers {answer.status}: {_error_of(text)}", advice)
    return _token_of(url, text, now)


def _token_of(url: str, text: str, now: float) -> Token:
    try:
        fields = json.loads(text)
        value = fields["access_token"]
        lifetime = float(fields.get("expires_in", _LIFETIME_S))
    except (ValueError, KeyError, TypeError, AttributeError):
        raise TokenError(
            f"token endpoint {url}: its answer has no access_token and expires_in", _CHECK_ENDPOINT
        ) from None
    if not math.isfinite(lifetime):
        raise TokenError(f"token endpoint {url}: its expires_in is no number of seconds", _CHECK_ENDPOINT)
    if not isinstance(value, str) or not re.fullmatch(r"[\x21-\x7e]+", value):
        raise TokenError(f"token endpoint {url}: its access_token is no token", _CHECK_ENDPOINT)
    return Token(value, now + lifetime)


def _error_of(text: str) -> str:
    """The endpoint's error in one line; RFC 6749, section 5.2, has its fields. Nothing that could hold a token."""
    try:
        fields = json.loads(text)
        said = ": ".join(str(fields[name]) for name in ("error", "error_description") if name in fields)
    except (ValueError, TypeError):
        said = ""
    return " ".join(said.split())[:_SHOWN] or "no reason given"


async def _in_thread(owner: str, fetch: Any) -> Token:
    """Runs a library that blocks while it asks for credentials."""
    try:
        token: Token = await asyncio.to_thread(fetch)
    except TokenError:
        raise
    except Exception as error:  # noqa: BLE001  # the libraries have some twenty classes: all mean that there is no token
        reason = f"{owner}: {type(error).__name__}: {' '.join(str(error).split())[:_SHOWN]}"
        raise TokenError(reason, _GIVE_CREDENTIALS.format(owner)) from None
    return token


def _aws_region(settings: KafkaSettings) -> str:
    found = _AWS_BROKER.search(settings.bootstrap_servers)
    region = settings.oauth_aws_region or (found and found[1])
    if not region:
        raise UsageError(
            "KAFKA_SASL_OAUTHBEARER_AWS_REGION: is unset, and KAFKA_BOOTSTRAP_SERVERS="
            f"{settings.bootstrap_servers!r} names no region; set the cluster's, such as eu-central-1"
        )
    return region


def _aws_signer(region: str) -> Any:
    try:
        from aws_msk_iam_sasl_signer import MSKAuthTokenProvider  # noqa: PLC0415  # an extra
    except ImportError:
        raise UsageError(
            "KAFKA_SASL_OAUTHBEARER_METHOD='aws_msk_iam': needs the extra `msk`: pip install 'chirp-worker[msk]'"
        ) from None

    import botocore.session  # noqa: PLC0415  # the extra's own
    from botocore.credentials import CredentialProvider  # noqa: PLC0415

    class OwnKeys(CredentialProvider):  # type: ignore[misc]  # botocore has no types
        """This process' keys of AWS; without any the signer would fail on None."""

        def load(self) -> Any:
            keys = botocore.session.Session().get_credentials()
            if keys is None:
                raise TokenError("AWS: this process has no credentials", _GIVE_CREDENTIALS.format("AWS"))
            return keys

    def sign() -> Token:
        value, expires_ms = MSKAuthTokenProvider.generate_auth_token_from_credentials_provider(region, OwnKeys())
        return Token(value, expires_ms / 1000)

    return sign


def _google_token(clock: Clock) -> Token:
    """Google's access token in the form that its Managed Service for Apache Kafka takes.

    Source: https://github.com/googleapis/managedkafka, kafka-auth-local-server.
    """
    import google.auth  # noqa: PLC0415  # takes longer to load than most commands run
    from google.auth.transport.requests import Request  # noqa: PLC0415

    credentials: Any
    credentials, _ = google.auth.default(scopes=[_GOOGLE_SCOPE])
    credentials.refresh(Request())
    # Without an account of its own (workload identity federation, a user) the library names none.
    account = getattr(credentials, "service_account_email", None) or getattr(credentials, "account", None)
    if not account:
        raise TokenError("Google: the credentials name no account", "use a service account's, or impersonate one")
    expires_at = credentials.expiry.replace(tzinfo=UTC).timestamp()
    claims = {"exp": expires_at, "iat": clock.now().timestamp(), "iss": "Google", "scope": "kafka", "sub": account}
    header = {"typ": "JWT", "alg": "GOOG_OAUTH2_TOKEN"}
    parts = (json.dumps(header), json.dumps(claims), credentials.token)
    return Token(".".join(_base64(part) for part in parts), expires_at)


def _base64(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")
