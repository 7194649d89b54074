"""A client whose brokers have all moved asks the bootstrap servers again; every client is made that way."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaConnectionError, KafkaError
from structlog.testing import capture_logs

import worker
from worker.config.settings import load_settings
from worker.kafka.client import connection
from worker.kafka.client.connection import connection_options, return_to_bootstrap

OLD, NEW = ("old", 9092), ("new", 9093)
SETTINGS = load_settings({"KAFKA_BOOTSTRAP_SERVERS": "old:9092,new:9093"}).kafka


class Network:
    """Brokers by address: each answers with where broker 1 is, or never."""

    def __init__(self) -> None:
        self.at: tuple[str, int] | None = OLD
        self.silent: set[tuple[str, int]] = set()
        self.requested: list[tuple[str, int]] = []

    def client(self) -> Any:
        client = AIOKafkaClient(**connection_options(SETTINGS))
        client._get_conn = lambda node_id: self._connect(client, node_id)  # type: ignore[method-assign]
        return_to_bootstrap(client, SETTINGS)
        return client

    async def _connect(self, client: AIOKafkaClient, node_id: Any) -> Any:
        broker = client.cluster.broker_metadata(node_id)
        assert broker is not None
        return SimpleNamespace(send=lambda _: self._answer((broker.host, broker.port)))

    async def _answer(self, address: tuple[str, int]) -> Any:
        self.requested.append(address)
        if address in self.silent:
            await asyncio.Event().wait()
        if address != self.at:
            raise KafkaConnectionError(f"{address} is nobody's")
        topic = (0, "tts.dialogue", False, [(0, 0, 1, [1], [1])])
        return SimpleNamespace(API_VERSION=1, brokers=[(1, *address, None)], controller_id=1, topics=[topic])


@pytest.fixture
async def network() -> Network:
    return Network()


async def updated(client: AIOKafkaClient) -> bool:
    return bool(await client._metadata_update(client.cluster, ["tts.dialogue"]))


def address(client: AIOKafkaClient) -> tuple[str, int]:
    broker = client.cluster.broker_metadata(1)
    assert broker is not None
    return broker.host, broker.port


async def test_brokers_that_moved_are_found_by_the_bootstrap_servers(network: Network) -> None:
    client = network.client()
    assert await updated(client)
    network.at = NEW
    with capture_logs() as logs:
        assert await updated(client)
    assert address(client) == NEW
    assert client.cluster.partitions_for_topic("tts.dialogue") == {0}
    (reported,) = logs
    assert (reported["event"], reported["brokers"]) == ("kafka_moved", ["new:9093"])


async def test_as_long_as_a_known_broker_answers_no_other_address_is_asked(network: Network) -> None:
    client = network.client()
    await updated(client)
    network.requested.clear()
    assert await updated(client)
    assert network.requested == [OLD]


async def test_while_nobody_answers_the_last_addresses_are_kept_and_both_ways_are_tried_each_time(
    network: Network,
) -> None:
    client = network.client()
    await updated(client)
    network.at = None
    for _ in range(2):
        network.requested.clear()
        assert not await updated(client)
        assert sorted(network.requested) == [NEW, OLD, OLD]
        assert address(client) == OLD
    network.at = OLD
    with capture_logs() as logs:
        assert await updated(client)
    assert logs == []


@pytest.fixture
async def swallowed(network: Network, monkeypatch: pytest.MonkeyPatch) -> AIOKafkaClient:
    """A client whose brokers have moved, while their old address takes requests and answers none."""
    monkeypatch.setattr(connection, "_ANSWER_S", 0.05)
    client = network.client()
    await updated(client)
    network.at = NEW
    network.silent = {OLD}
    return client


async def test_an_old_address_that_swallows_requests_is_given_up_after_a_while(swallowed: AIOKafkaClient) -> None:
    assert await updated(swallowed)
    assert address(swallowed) == NEW


async def test_a_bootstrap_server_that_swallows_requests_does_not_hide_the_others(swallowed: AIOKafkaClient) -> None:
    for _ in range(5):
        swallowed.cluster._brokers[1] = swallowed.cluster._brokers[1]._replace(host="gone", port=1)
        assert await updated(swallowed)
        assert address(swallowed) == NEW


async def test_a_look_at_all_topics_finds_the_way_too(network: Network) -> None:
    client = network.client()
    await updated(client)
    network.at = NEW
    found = await client.fetch_all_metadata()
    assert found.topics() == {"tts.dialogue"}
    network.at = None
    with pytest.raises(KafkaError):
        await client.fetch_all_metadata()
    assert address(client) == OLD


def test_every_client_is_made_with_the_options_of_this_module() -> None:
    for path in Path(worker.__file__).parent.rglob("*.py"):
        text = path.read_text()
        made = sum(text.count(f"{name}(\n") + text.count(f"{name}(**") for name in CLIENTS)
        assert text.count("**connection_options(settings)") == made, path
        assert path.name == "connection.py" or "bootstrap_servers=" not in text, path


CLIENTS = ("= AIOKafkaConsumer", "= AIOKafkaProducer", "= AIOKafkaAdminClient", "= _LanesConsumer", "= _GroupMember")
