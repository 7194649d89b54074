"""What all of aiokafka's clients share: how they find the cluster, how old their view of it may be, and the way back.

A client knows the brokers' addresses from the cluster's metadata, and asks only brokers that it knows for newer ones.
When all brokers come back at other addresses it would ask for ever where nobody is. So once no known broker answers, it
asks KAFKA_BOOTSTRAP_SERVERS again, as Kafka's own clients do (KIP-899). aiokafka 0.14 doesn't.
"""

import asyncio
from typing import Any, Final

import structlog
from aiokafka.structs import BrokerMetadata

from worker.config.sections import KafkaSettings
from worker.kafka.client.broker_connection import explained, use_broker_connections
from worker.kafka.client.security import present_login, security_options

METADATA_MAX_AGE_S: Final = 5.0
"""How old a client's view of the cluster may be: for so long nobody serves a partition that was added."""
# A broker answers a request for metadata in milliseconds. For one whose address leads nowhere aiokafka waits 40 s.
_ANSWER_S: Final = 10.0
_log = structlog.get_logger(__name__)

use_broker_connections()


def connection_options(settings: KafkaSettings) -> dict[str, Any]:
    """The options that every client of aiokafka is made with.

    Raises:
        UsageError: a file of the settings can't be used.
    """
    return {
        "bootstrap_servers": settings.bootstrap_servers,
        "metadata_max_age_ms": int(METADATA_MAX_AGE_S * 1000),
        **security_options(settings),
    }


def return_to_bootstrap(client: Any, settings: KafkaSettings) -> None:
    """Makes a client ask the bootstrap servers for the cluster's metadata whenever no broker that it knows answers.

    Connections, the group's membership, positions and an idempotent producer's sequence are kept. A password that has
    changed in its file is used from the next look at the cluster on, which also follows each connection that fails.

    The client's start, and its look at all topics, say why if no broker can be connected to (`BrokerConnectionError`).

    Args:
        client: an `AIOKafkaClient`, the part of aiokafka's clients that holds the connections.
    """
    ask_brokers = client._metadata_update  # noqa: SLF001
    cluster = client.cluster
    bootstrap = _bootstrap_brokers(settings)
    known: dict[Any, BrokerMetadata] = {}

    async def ask(view: Any, topics: Any) -> bool:
        try:
            async with asyncio.timeout(_ANSWER_S):
                return bool(await ask_brokers(view, topics))
        except TimeoutError:
            return False

    async def ask_known_then_bootstrap(view: Any, topics: Any) -> bool:
        nonlocal known
        for option, value in present_login(settings).items():
            setattr(client, f"_{option}", value)
        if await ask(view, topics):
            return True
        known = cluster._brokers or known  # noqa: SLF001
        # Without brokers the cluster's view falls back to those of its bootstrap.
        cluster._brokers = {}  # noqa: SLF001
        found = False
        try:
            for broker in bootstrap:
                # One at a time: an address that swallows requests would take the others' time.
                cluster._bootstrap_brokers = {broker.nodeId: broker}  # noqa: SLF001
                if found := await ask(view, topics):
                    break
        finally:
            if not cluster._brokers:  # noqa: SLF001
                cluster._brokers = known  # noqa: SLF001
        if found and view._brokers != known:  # noqa: SLF001
            _log.warning(
                "kafka_moved",
                brokers=[f"{each.host}:{each.port}" for each in view.brokers()],
                detail="no broker answered at its old address; KAFKA_BOOTSTRAP_SERVERS led to these",
            )
        return found

    client._metadata_update = ask_known_then_bootstrap  # noqa: SLF001
    client.bootstrap = explained(client.bootstrap)
    client.fetch_all_metadata = explained(client.fetch_all_metadata)


def _bootstrap_brokers(settings: KafkaSettings) -> list[BrokerMetadata]:
    hosts = (each.rpartition(":") for each in settings.bootstrap_servers.split(","))
    return [
        BrokerMetadata(f"bootstrap-{number}", host, int(port), None) for number, (host, _, port) in enumerate(hosts)
    ]
