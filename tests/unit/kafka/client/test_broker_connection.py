"""A connection has one deadline, a refused token is a refused login, and a client's error says why it failed."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaConnectionError, KafkaTimeoutError, SaslAuthenticationFailed

from tests.unit.loop_clock import NEVER_S, LoopClock
from tests.unit.tcp_server import tcp_server
from worker.config.sections import KafkaSettings
from worker.config.settings import load_settings
from worker.kafka.client import broker_connection, oauth_token
from worker.kafka.client.admin import connect_admin
from worker.kafka.client.broker_connection import BrokerConnection, _TokenLogin, explained
from worker.kafka.client.connection import connection_options, return_to_bootstrap
from worker.kafka.client.connection_problem import BrokerConnectionError
from worker.kafka.client.oauth_token import CachedToken, Token
from worker.kafka.client.reconnect_backoff import ReconnectBackoff
from worker.lifecycle.clock import Clock

NOBODY = "127.0.0.1:9"


@pytest.fixture(autouse=True)
def _no_deadline_passes_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broker_connection, "_CONNECT_S", NEVER_S)
    monkeypatch.setattr(broker_connection, "_ALL_S", 1.5 * NEVER_S)
    monkeypatch.setattr(oauth_token, "_WAIT_S", NEVER_S)


@pytest.fixture
def silent() -> Iterator[str]:
    """Takes connections, and answers nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


@asynccontextmanager
async def reading(then: Callable[[], None]) -> AsyncIterator[str]:
    """The address of a server that answers nothing, and calls `then` at the first bytes of each connection."""

    async def read(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if await reader.read(1):
            then()
        await reader.read()
        writer.close()

    async with tcp_server(read) as port:
        yield f"127.0.0.1:{port}"


def kafka(servers: str, protocol: str = "PLAINTEXT") -> KafkaSettings:
    return load_settings({"KAFKA_BOOTSTRAP_SERVERS": servers, "KAFKA_SECURITY_PROTOCOL": protocol}).kafka


async def failure(settings: KafkaSettings) -> BrokerConnectionError:
    with pytest.raises(BrokerConnectionError) as raised:
        async with connect_admin(settings):
            pass
    return raised.value


@pytest.mark.parametrize(
    ("protocol", "message"),
    [("PLAINTEXT", "takes connections and answers nothing within"), ("SSL", "no connection and TLS handshake within")],
)
async def test_a_server_that_answers_nothing_is_given_up_and_named(protocol: str, message: str) -> None:
    clock = LoopClock()
    async with reading(lambda: clock.skip(NEVER_S)) as address:
        error = await failure(kafka(address, protocol))
    assert address in str(error)
    assert message in str(error)


async def test_all_addresses_together_have_a_deadline_and_the_error_says_what_was_found_until_then() -> None:
    clock = LoopClock()
    connections = 0

    def give_up() -> None:
        nonlocal connections
        connections += 1
        clock.skip(NEVER_S)

    async with AsyncExitStack() as stack:
        addresses = [await stack.enter_async_context(reading(give_up)) for _ in range(9)]
        error = await failure(kafka(",".join(addresses)))
    assert any(address in str(error) for address in addresses)
    assert connections == 2


async def test_an_address_that_has_just_failed_is_not_connected_to_again_and_the_error_is_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(broker_connection, "_backoff", ReconnectBackoff(lambda: 0.0))
    closed = 0

    def close(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal closed
        closed += 1
        writer.close()

    async with tcp_server(close) as port:
        settings = kafka(f"127.0.0.1:{port}")
        first, second = [str(await failure(settings)) for _ in range(2)]
    assert first == second
    assert closed == 1


async def test_a_bootstrap_that_is_given_up_leaves_no_connection_open(monkeypatch: pytest.MonkeyPatch) -> None:
    async def look_up(connection: BrokerConnection) -> None:
        connection._versions = {3: (0, 5)}  # of the request for metadata

    monkeypatch.setattr(BrokerConnection, "_do_version_lookup", look_up)
    clock = LoopClock()
    async with reading(lambda: clock.skip(2 * NEVER_S)) as address:
        with pytest.raises(KafkaTimeoutError):
            async with connect_admin(kafka(address)):
                pass


async def test_a_call_that_connects_nowhere_and_ends_never_is_a_time_out(
    silent: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(broker_connection, "_ALL_S", 0.05)
    with pytest.raises(KafkaTimeoutError, match=r"no answer within 0\.05 s"):
        async with connect_admin(kafka(silent)):
            pass


async def test_a_client_that_nobody_answers_says_so_for_its_topics_too() -> None:
    settings = kafka(NOBODY)
    client = AIOKafkaClient(**connection_options(settings))
    return_to_bootstrap(client, settings)
    with pytest.raises(BrokerConnectionError, match=r"127\.0\.0\.1:9 can't be reached"):
        await client.fetch_all_metadata()


async def test_a_clients_own_error_is_kept_where_no_connection_failed() -> None:
    async def fail() -> None:
        raise KafkaConnectionError("all of its own")

    with pytest.raises(KafkaConnectionError, match="all of its own"):
        await explained(fail)()


async def new_token() -> Token:
    return Token("a.b.c", Clock().now().timestamp() + NEVER_S)


async def test_a_broker_that_answers_a_token_with_data_refuses_it() -> None:
    source = CachedToken(new_token, Clock(), {})
    login = _TokenLogin(source)
    sent, _ = await login.step(None)
    assert sent == b"n,,\x01auth=Bearer a.b.c\x01\x01"
    # RFC 7628, section 3.2.3: the client has to answer once more, before the broker ends the login.
    assert await login.step(b'{"status":"invalid_token"}') == (b"\x01", True)
    with pytest.raises(SaslAuthenticationFailed, match="invalid_token"):
        await login.step(b"")


async def test_a_broker_that_answers_a_token_with_nothing_takes_it() -> None:
    login = _TokenLogin(CachedToken(new_token, Clock(), {}))
    await login.step(None)
    assert await login.step(b"") is None
