"""Why no connection to a broker came about, out of the error that aiokafka or OpenSSL raised, and what to do."""

import asyncio
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from socket import gaierror
from typing import Final

from aiokafka.errors import (
    IllegalSaslStateError,
    KafkaConnectionError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)

from schemas.errors import UnavailableError
from worker.kafka.client.oauth_token import TokenError
from worker.lifecycle.dependency import UNREACHABLE

TLS: Final = "tls"
LOGIN: Final = "login"
# Source: OpenSSL's x509_vfy.h.
_NOT_YET_VALID: Final = 9
_EXPIRED: Final = 10
_WRONG_NAME: Final = (62, 64)
# The first two bytes of a record of TLS that holds an alert, where a client without TLS expects a length.
_TLS_ALERT: Final = 0x1503
# OpenSSL's reasons for bytes that aren't TLS, or for an end in the middle; none for a reset connection.
_NO_TLS: Final = (None, "WRONG_VERSION_NUMBER", "UNEXPECTED_EOF_WHILE_READING", "HTTP_REQUEST", "RECORD_LAYER_FAILURE")
_VERSIONS: Final = "enable TLS 1.2 or 1.3 in the brokers (ssl.enabled.protocols, ssl.cipher.suites)"
_START: Final = "start it, or correct KAFKA_BOOTSTRAP_SERVERS"
_OTHER_PORT: Final = "or use the port of another listener in KAFKA_BOOTSTRAP_SERVERS"


@dataclass(frozen=True)
class Problem:
    """Why a connection failed.

    Attributes:
        reason: `unreachable`, `tls` or `login`.
        what: names the broker.
        advice: what to do.
    """

    reason: str
    what: str
    advice: str


class BrokerConnectionError(KafkaConnectionError, UnavailableError):  # type: ignore[misc]  # aiokafka has no types
    """No connection to a broker came about; the message says why and what to do."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(f"Kafka: {problem.what}; {problem.advice}")
        self.problem = problem

    def __str__(self) -> str:
        return str(self.args[0])


@dataclass(frozen=True)
class Attempt:
    """A connection that was attempted.

    Attributes:
        address: the broker's host and port.
        protocol: of KAFKA_SECURITY_PROTOCOL.
        mechanism: of KAFKA_SASL_MECHANISM.
        has_certificate: whether the client has a certificate to show.
        is_open: whether TCP and TLS stood.
        offered: the mechanisms that the broker has answered that it takes.
        token: what the token says of itself; empty without one.
        deadline_s: how long the attempt might take.
    """

    address: str
    protocol: str
    mechanism: str | None
    has_certificate: bool
    is_open: bool
    offered: Sequence[str]
    token: str
    deadline_s: float

    @property
    def tls(self) -> bool:
        """Whether it was to be encrypted."""
        return self.protocol.endswith("SSL")


def explain(error: BaseException, attempt: Attempt, now: datetime) -> Problem:
    """Why the attempt failed with this error.

    Args:
        now: by this machine's clock.
    """
    # aiokafka hides why a connection closed behind its own error.
    cause = error.__cause__ if isinstance(error, KafkaConnectionError) and error.__cause__ else error
    return (
        _login_problem(cause, attempt, now) or _tls_problem(cause, attempt, now) or _connection_problem(cause, attempt)
    )


def closed_at_first_request(attempt: Attempt) -> Problem:
    """A broker that answers a greeting and ends the connection at the first request: it waits for a login."""
    what = f"{attempt.address} wants a login (SASL), and KAFKA_SECURITY_PROTOCOL={attempt.protocol} has none"
    protocol = "SASL_SSL" if attempt.tls else "SASL_PLAINTEXT"
    return Problem(LOGIN, what, f"set KAFKA_SECURITY_PROTOCOL={protocol} and KAFKA_SASL_MECHANISM, {_OTHER_PORT}")


def most_telling(problems: Sequence[Problem]) -> Problem:
    """Of the problems of several brokers the last; one of TLS or of the login says more than an unreachable broker."""
    return max(reversed(problems), key=lambda each: each.reason != UNREACHABLE)


def _login_problem(error: BaseException, attempt: Attempt, now: datetime) -> Problem | None:
    match error:
        case TokenError():
            return Problem(LOGIN, f"no token for {attempt.address}: {error}", error.advice)
        case IllegalSaslStateError():
            what = f"{attempt.address} takes no login (SASL), and KAFKA_SECURITY_PROTOCOL={attempt.protocol} sends one"
            protocol = "SSL" if attempt.tls else "PLAINTEXT"
            return Problem(LOGIN, what, f"set KAFKA_SECURITY_PROTOCOL={protocol}, {_OTHER_PORT}")
        case UnsupportedSaslMechanismError():
            offered = ", ".join(attempt.offered) or "others"
            what = f"{attempt.address} takes no login by {attempt.mechanism}; it takes {offered}"
            return Problem(LOGIN, what, "correct KAFKA_SASL_MECHANISM, or enable it in the brokers")
        case SaslAuthenticationFailed():
            return _refusal(error, attempt, now)
    return None


def _refusal(error: SaslAuthenticationFailed, attempt: Attempt, now: datetime) -> Problem:
    reason = " ".join(str(error.args[0] if error.args and error.args[0] else "no reason given").split())
    if attempt.mechanism == "OAUTHBEARER":
        what = f"{attempt.address} refuses the token ({attempt.token or 'of unknown content'}): {reason}"
        clocks = f"that the clocks agree (here it is {_time(now)})"
        return Problem(LOGIN, what, f"see that the brokers expect this issuer and audience, and {clocks}")
    what = f"{attempt.address} refuses user or password by {attempt.mechanism}: {reason}"
    return Problem(LOGIN, what, "correct KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD")


def _tls_problem(error: BaseException, attempt: Attempt, now: datetime) -> Problem | None:
    if isinstance(error, ssl.SSLCertVerificationError):
        return _unverified(error, attempt, now)
    if isinstance(error, ssl.SSLError) and error.reason and "ALERT" in error.reason:
        return _alert(error.reason, attempt)
    if attempt.tls and not attempt.is_open and isinstance(error, ssl.SSLError | ConnectionResetError):
        return _failed_handshake(error, attempt)
    if isinstance(error, asyncio.IncompleteReadError) and (error.expected or 0) >> 16 == _TLS_ALERT:
        what = f"{attempt.address} speaks TLS, and KAFKA_SECURITY_PROTOCOL={attempt.protocol} doesn't"
        return Problem(TLS, what, f"set KAFKA_SECURITY_PROTOCOL={_with_tls(attempt.protocol)}, {_OTHER_PORT}")
    return None


def _failed_handshake(error: OSError, attempt: Attempt) -> Problem:
    reason = getattr(error, "reason", None)
    if reason not in _NO_TLS:
        what = f"{attempt.address}: the TLS handshake fails: {_text(error)}"
        return Problem(TLS, what, _VERSIONS)
    what = f"{attempt.address} ends the TLS handshake, as a listener without TLS does"
    advice = f"if it has none, set KAFKA_SECURITY_PROTOCOL={_without_tls(attempt.protocol)}, {_OTHER_PORT}"
    return Problem(TLS, what, advice)


def _unverified(error: ssl.SSLCertVerificationError, attempt: Attempt, now: datetime) -> Problem:
    at = attempt.address
    if error.verify_code == _EXPIRED:
        what = f"the certificate of {at}, or of its authority, has expired (here it is {_time(now)})"
        return Problem(TLS, what, "renew it, or correct this machine's clock")
    if error.verify_code == _NOT_YET_VALID:
        what = f"the certificate of {at}, or of its authority, isn't valid yet (here it is {_time(now)})"
        return Problem(TLS, what, "correct this machine's clock, or the one of who issued it")
    if error.verify_code in _WRONG_NAME:
        what = f"the certificate of {at} is for another host: {error.verify_message.rstrip('.')}"
        advice = "use a name of the certificate in KAFKA_BOOTSTRAP_SERVERS and in the brokers' advertised.listeners"
        return Problem(TLS, what, advice)
    what = f"the certificate of {at} is of an unknown authority: {error.verify_message.rstrip('.')}"
    return Problem(TLS, what, "set KAFKA_SSL_CA_LOCATION to the file of the authority that issued it")


def _alert(reason: str, attempt: Attempt) -> Problem:
    alert = reason.partition("ALERT_")[2].replace("_", " ").lower()
    if "version" in alert or "handshake failure" in alert:
        what = f"{attempt.address} and this client have no version or cipher of TLS in common: {alert}"
        return Problem(TLS, what, _VERSIONS)
    if not attempt.has_certificate:
        what = f"{attempt.address} wants a client's certificate, and there is none: {alert}"
        return Problem(TLS, what, "set KAFKA_SSL_CERTIFICATE_LOCATION and KAFKA_SSL_KEY_LOCATION")
    what = f"{attempt.address} refuses the client's certificate: {alert}"
    advice = "see whether KAFKA_SSL_CERTIFICATE_LOCATION has expired, and whether the brokers trust its authority"
    return Problem(TLS, what, advice)


def _connection_problem(error: BaseException, attempt: Attempt) -> Problem:
    at, within = attempt.address, f"within {attempt.deadline_s:g} s"
    if isinstance(error, TimeoutError) and attempt.is_open:
        what = f"{at} takes connections and answers nothing {within}"
        return Problem(UNREACHABLE, what, "see whether it is Kafka, and whether the broker is overloaded")
    if isinstance(error, TimeoutError):
        what = f"{at}: no connection{' and TLS handshake' if attempt.tls else ''} {within}"
        return Problem(UNREACHABLE, what, "see to the network, a firewall on the way, and KAFKA_BOOTSTRAP_SERVERS")
    if isinstance(error, gaierror):
        what = f"{at}: there is no such host ({error.strerror})"
        return Problem(UNREACHABLE, what, "correct KAFKA_BOOTSTRAP_SERVERS, or see to the name service")
    if attempt.is_open:
        what = f"{at} closes the connection before it is usable ({_text(error)})"
        advice = "see whether KAFKA_SECURITY_PROTOCOL is that of the listener; the broker's log says more"
        return Problem(UNREACHABLE, what, advice)
    return Problem(UNREACHABLE, f"{at} can't be reached: {_text(error)}", _START)


def _without_tls(protocol: str) -> str:
    return "SASL_PLAINTEXT" if protocol == "SASL_SSL" else "PLAINTEXT"


def _with_tls(protocol: str) -> str:
    return "SASL_SSL" if protocol == "SASL_PLAINTEXT" else "SSL"


def _text(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__


def _time(now: datetime) -> str:
    return f"{now:%Y-%m-%d %H:%M:%S} UTC"
