"""aiokafka's connections with what its version 0.14 leaves out: refused tokens, a deadline, back-off, why they failed.

A broker that refuses an OAUTHBEARER token answers with the refusal as data and waits for one more message (RFC 7628,
section 3.2.3). aiokafka takes that answer for a success: its next request gets the broker's refusal as if it were the
request's answer.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final

import aiokafka.client
from aiokafka.conn import AIOKafkaConnection, CloseReason, OAuthAuthenticator
from aiokafka.errors import KafkaError, KafkaTimeoutError, SaslAuthenticationFailed
from aiokafka.protocol.admin import SaslHandShakeRequest

from worker.kafka.client.connection_problem import (
    Attempt,
    BrokerConnectionError,
    Problem,
    closed_at_first_request,
    explain,
    most_telling,
)
from worker.kafka.client.oauth_token import CachedToken
from worker.kafka.client.reconnect_backoff import ReconnectBackoff
from worker.kafka.client.tls import shows_certificate
from worker.lifecycle.clock import Clock

# For TCP, TLS and the login together. aiokafka has 40 s for each step: longer than anybody waits for a reason.
_CONNECT_S: Final = 6.0
# For all addresses of KAFKA_BOOTSTRAP_SERVERS together: less than `kafka_timeout`, whose error knows no reason.
_ALL_S: Final = 9.0
_REFUSAL_READ: Final = b"\x01"
# The request for the brokers' versions is the first.
_FIRST_REQUEST: Final = 2
# A client's background tasks keep the list in which the problems of its start were noted.
_MOST: Final = 8
# What a connection depends on beside its address.
_TARGET_OPTIONS: Final = (
    "security_protocol",
    "ssl_context",
    "sasl_mechanism",
    "sasl_plain_username",
    "sasl_plain_password",
    "sasl_oauth_token_provider",
)
_backoff: Final = ReconnectBackoff(Clock().monotonic)
_problems: ContextVar[deque[Problem]] = ContextVar("problems")
_bootstrapped: ContextVar[list["BrokerConnection"]] = ContextVar("bootstrapped")


def use_broker_connections() -> None:
    """Has all of aiokafka's clients open `BrokerConnection`s."""
    aiokafka.client.create_conn = _open


def explained(call: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    """A call of a client that opens connections, whose error says why none came about, within 9 s.

    It raises BrokerConnectionError if a connection failed, else the client's own error, or KafkaTimeoutError.
    """

    async def explained_call(*arguments: Any) -> Any:
        with _noted() as problems, _closed_unless_it_ends_well():
            try:
                async with asyncio.timeout(_ALL_S):
                    return await call(*arguments)
            except (KafkaError, TimeoutError) as error:
                if problems:
                    raise BrokerConnectionError(most_telling(problems)) from error
                if isinstance(error, TimeoutError):
                    raise KafkaTimeoutError(f"no answer within {_ALL_S:g} s") from None
                raise

    return explained_call


class BrokerConnection(AIOKafkaConnection):  # type: ignore[misc]  # aiokafka has no types
    """A connection to a broker. `connect` raises BrokerConnectionError."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._offered: list[str] = []
        self._was_open = False

    async def connect(self) -> Any:
        """Connects and logs in, within 6 s, and 4 s for the token if there is none yet."""
        try:
            if isinstance(self._sasl_oauth_token_provider, CachedToken):
                # Before the broker is connected to: it gives a login little time, and the deadline is about the broker.
                await self._sasl_oauth_token_provider.token()
            async with asyncio.timeout(_CONNECT_S):
                return await super().connect()
        # aiokafka checks the broker's answers to a login by assertions and by what happens to fail.
        except (OSError, KafkaError, ValueError, LookupError, AssertionError) as error:
            problem = explain(error, self._attempt(), Clock().now())
            _note(problem)
            raise BrokerConnectionError(problem) from error

    async def _do_version_lookup(self) -> None:
        self._was_open = True
        await super()._do_version_lookup()

    def authenticator_oauth(self) -> OAuthAuthenticator:
        """The login by a token, which notices that the token is refused."""
        return _TokenLogin(self._sasl_oauth_token_provider)

    def send(self, request: Any, expect_response: bool = True) -> Any:
        """Sends a request."""
        answer = super().send(request, expect_response)
        return self._note_offered(answer) if isinstance(request, SaslHandShakeRequest) else answer

    def close(self, reason: Any = None, exc: Any = None) -> Any:
        """Closes the connection."""
        waits = len(self._requests) == 1 and self._correlation_id == _FIRST_REQUEST
        if reason is CloseReason.CONNECTION_BROKEN and waits and not self._security_protocol.startswith("SASL"):
            _note(closed_at_first_request(self._attempt()))
        return super().close(reason, exc)

    async def _note_offered(self, answer: Awaitable[Any]) -> Any:
        response = await answer
        self._offered = response.enabled_mechanisms
        return response

    def _attempt(self) -> Attempt:
        source = self._sasl_oauth_token_provider
        return Attempt(
            address=f"{self._host}:{self._port}",
            protocol=self._security_protocol,
            mechanism=self._sasl_mechanism,
            has_certificate=shows_certificate(self._ssl_context),
            is_open=self._was_open,
            offered=self._offered,
            token=source.description if isinstance(source, CachedToken) else "",
            deadline_s=_CONNECT_S,
        )


class _TokenLogin(OAuthAuthenticator):  # type: ignore[misc]  # aiokafka has no types
    def __init__(self, source: CachedToken) -> None:
        super().__init__(sasl_oauth_token_provider=source)
        self._source = source
        self._refusal = b""

    async def step(self, payload: bytes | None) -> Any:
        """The next message to the broker; None after its answer to the last one."""
        if self._refusal:
            # The broker should have ended the login by now.
            raise SaslAuthenticationFailed(self._refusal.decode(errors="replace"))
        if self._token_sent and payload:
            self._refusal = payload
            self._source.discard()
            return _REFUSAL_READ, True
        return await super().step(payload)


async def _open(host: str, port: int, **options: Any) -> BrokerConnection:
    target = (host, port, *(options.get(name) for name in _TARGET_OPTIONS))
    if problem := _backoff.problem(target):
        _note(problem)
        raise BrokerConnectionError(problem)
    connection = BrokerConnection(host, port, **options)
    try:
        await connection.connect()
    except BrokerConnectionError as error:
        _backoff.add_failure(target, error.problem)
        raise
    _backoff.add_success(target)
    if options.get("on_close") is None and (bootstrapped := _bootstrapped.get(None)) is not None:
        bootstrapped.append(connection)
    return connection


@contextmanager
def _noted() -> Iterator[deque[Problem]]:
    problems: deque[Problem] = deque(maxlen=_MOST)
    token = _problems.set(problems)
    try:
        yield problems
    finally:
        _problems.reset(token)


@contextmanager
def _closed_unless_it_ends_well() -> Iterator[None]:
    """Aiokafka forgets the connection of a bootstrap that is cancelled in its first request: it would stay open."""
    bootstrapped: list[BrokerConnection] = []
    token = _bootstrapped.set(bootstrapped)
    try:
        yield
    except BaseException:
        for connection in bootstrapped:
            connection.close()
        raise
    finally:
        _bootstrapped.reset(token)


def _note(problem: Problem) -> None:
    if (problems := _problems.get(None)) is not None:
        problems.append(problem)
