"""Each way in which no connection comes about has its reason, names the broker, and says what to do."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import replace
from datetime import UTC, datetime
from socket import gaierror

import pytest
from aiokafka.errors import (
    IllegalSaslStateError,
    KafkaConnectionError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)

from worker.kafka.client.connection_problem import (
    Attempt,
    BrokerConnectionError,
    Problem,
    closed_at_first_request,
    explain,
    most_telling,
)
from worker.kafka.client.oauth_token import TokenError

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
SCRAM = Attempt(
    address="kafka:9093",
    protocol="SASL_SSL",
    mechanism="SCRAM-SHA-512",
    has_certificate=False,
    is_open=True,
    offered=["PLAIN", "OAUTHBEARER"],
    token="",
    deadline_s=6.0,
)
SSL = replace(SCRAM, protocol="SSL", mechanism=None, is_open=False)
MUTUAL = replace(SSL, has_certificate=True, is_open=True)
PLAIN = replace(SSL, protocol="PLAINTEXT", is_open=True)
TOKEN = replace(SCRAM, mechanism="OAUTHBEARER", token="aud 'kafka'")


def unverified(code: int, message: str) -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, message)
    error.verify_code, error.verify_message = code, message
    return error


def alert(reason: str) -> ssl.SSLError:
    error = ssl.SSLError(1, reason)
    error.reason = reason
    return error


def closed(cause: BaseException) -> KafkaConnectionError:
    """As aiokafka hides why a connection closed."""
    error = KafkaConnectionError("Connection at kafka:9093 closed")
    error.__cause__ = cause
    return error


CASES: list[tuple[BaseException, Attempt, str, str, str]] = [
    (ConnectionRefusedError(111, "Connect call failed"), SSL, "unreachable", "can't be reached: Connect", "start it"),
    (gaierror(-2, "Name unknown"), SSL, "unreachable", "there is no such host (Name unknown)", "KAFKA_BOOTSTRAP"),
    (TimeoutError(), SSL, "unreachable", "no connection and TLS handshake within 6 s", "a firewall"),
    (TimeoutError(), replace(PLAIN, is_open=False), "unreachable", "no connection within 6 s", "a firewall"),
    (TimeoutError(), SCRAM, "unreachable", "answers nothing within 6 s", "whether it is Kafka"),
    (closed(EOFError()), PLAIN, "unreachable", "closes the connection before it is usable (EOFError)", "broker's log"),
    (ConnectionResetError(), SSL, "tls", "as a listener without TLS does", "KAFKA_SECURITY_PROTOCOL=PLAINTEXT"),
    (alert("WRONG_VERSION_NUMBER"), replace(SCRAM, is_open=False), "tls", "a listener without TLS", "=SASL_PLAINTEXT"),
    (alert("UNSUPPORTED_PROTOCOL"), SSL, "tls", "handshake fails: UNSUPPORTED_PROTOCOL", "ssl.enabled.protocols"),
    (closed(asyncio.IncompleteReadError(b"abc", 0x15030300)), PLAIN, "tls", "speaks TLS, and", "_PROTOCOL=SSL"),
    (
        closed(asyncio.IncompleteReadError(b"", 0x15030300)),
        replace(PLAIN, protocol="SASL_PLAINTEXT"),
        "tls",
        "speaks TLS, and KAFKA_SECURITY_PROTOCOL=SASL_PLAINTEXT doesn't",
        "KAFKA_SECURITY_PROTOCOL=SASL_SSL",
    ),
    (unverified(10, "expired"), SSL, "tls", "has expired (here it is 2026-01-02 03:04:05 UTC)", "renew it"),
    (unverified(9, "early"), SSL, "tls", "isn't valid yet (here it is 2026-01-02 03:04:05 UTC)", "machine's clock"),
    (unverified(62, "not for 'a'."), SSL, "tls", "is for another host: not for 'a'", "a name of the certificate"),
    (unverified(64, "not for 'a'."), SSL, "tls", "is for another host: not for 'a'", "a name of the certificate"),
    (unverified(20, "no issuer"), SSL, "tls", "is of an unknown authority: no issuer", "KAFKA_SSL_CA_LOCATION"),
    (closed(alert("TLSV13_ALERT_CERTIFICATE_REQUIRED")), SSL, "tls", "there is none: certificate req", "_CERTIFICATE_"),
    (
        closed(alert("SSLV3_ALERT_CERTIFICATE_EXPIRED")),
        MUTUAL,
        "tls",
        "client's certificate: certificate exp",
        "expired",
    ),
    (alert("TLSV1_ALERT_PROTOCOL_VERSION"), SSL, "tls", "in common: protocol version", "ssl.enabled.protocols"),
    (SaslAuthenticationFailed("wrong\npassword"), SCRAM, "login", "by SCRAM-SHA-512: wrong password", "_PASSWORD"),
    (SaslAuthenticationFailed(None), SCRAM, "login", "by SCRAM-SHA-512: no reason given", "_PASSWORD"),
    (SaslAuthenticationFailed("{}"), TOKEN, "login", "refuses the token (aud 'kafka'): {}", "03:04:05 UTC"),
    (SaslAuthenticationFailed("{}"), replace(TOKEN, token=""), "login", "(of unknown content)", "audience"),
    (UnsupportedSaslMechanismError(), SCRAM, "login", "it takes PLAIN, OAUTHBEARER", "KAFKA_SASL_MECHANISM"),
    (IllegalSaslStateError(), SCRAM, "login", "takes no login (SASL)", "KAFKA_SECURITY_PROTOCOL=SSL"),
    (
        TokenError("the endpoint is down", "start it"),
        TOKEN,
        "login",
        "no token for kafka:9093: the endpoint",
        "start it",
    ),
    (
        ValueError("Server sent wrong signature!"),
        SCRAM,
        "unreachable",
        "(Server sent wrong signature!)",
        "broker's log",
    ),
]


@pytest.mark.parametrize(("error", "attempt", "reason", "what", "advice"), CASES)
def test_an_error_is_explained(error: BaseException, attempt: Attempt, reason: str, what: str, advice: str) -> None:
    problem = explain(error, attempt, NOW)
    assert problem.reason == reason
    assert what in problem.what
    assert "kafka:9093" in problem.what
    assert advice in problem.advice
    assert "\n" not in problem.what + problem.advice


@pytest.mark.parametrize(("attempt", "protocol"), [(MUTUAL, "SASL_SSL"), (PLAIN, "SASL_PLAINTEXT")])
def test_a_broker_that_closes_at_the_first_request_wants_a_login(attempt: Attempt, protocol: str) -> None:
    problem = closed_at_first_request(attempt)
    assert problem.reason == "login"
    assert f"KAFKA_SECURITY_PROTOCOL={protocol}" in problem.advice


def test_of_several_brokers_the_last_problem_counts_and_a_refusal_more_than_silence() -> None:
    silent, other, refused = Problem("unreachable", "a", ""), Problem("unreachable", "b", ""), Problem("login", "c", "")
    assert most_telling([silent, other]) is other
    assert most_telling([silent, refused, other]) is refused


def test_the_error_is_a_line_with_what_to_do() -> None:
    assert str(BrokerConnectionError(Problem("login", "kafka refuses", "log in"))) == "Kafka: kafka refuses; log in"
