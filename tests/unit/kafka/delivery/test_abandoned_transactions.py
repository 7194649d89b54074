"""Transactions of dead workers are ended; those of this worker and of others' applications are left alone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.errors import IncompatibleBrokerVersion, KafkaConnectionError
from structlog.testing import capture_logs

from tests.unit.loop_clock import LoopClock
from tests.until import loop_until
from worker.kafka.delivery.abandoned_transactions import AbandonedTransactions


class Cluster:
    """Two brokers, and the transactional ids that each says to have open."""

    def __init__(self, *listed: list[str] | Exception, code: int = 0) -> None:
        self.listed = listed
        self.code = code
        self.asked_ms: list[int] = []
        self.ended: list[str] = []
        self.silent = False

    async def describe_cluster(self) -> dict[str, Any]:
        return {"brokers": [{"node_id": number} for number in range(len(self.listed))]}

    async def _send_request(self, request: Any, node_id: int) -> Any:
        wanted = request.build(SimpleNamespace)
        self.asked_ms.append(wanted.duration_filter_ms)
        assert wanted.state_filters == ["Ongoing"]
        found = self.listed[node_id]
        if isinstance(found, Exception):
            raise found
        return SimpleNamespace(error_code=self.code, transactions=[(name, 1, "Ongoing", {}) for name in found])

    @asynccontextmanager
    async def connect(self, transactional_id: str) -> AsyncIterator[Any]:
        if self.silent:
            await asyncio.Event().wait()
        self.ended.append(transactional_id)
        yield None


async def end(cluster: Cluster) -> list[str]:
    """The log's events."""
    admin: Any = cluster
    abandoned = AbandonedTransactions(
        admin, cluster.connect, prefix="g-worker-", own_id="g-worker-me", older_than_s=5.0
    )
    with capture_logs() as logs:
        await abandoned.end()
    return [each["event"] for each in logs]


async def test_other_workers_transactions_are_ended_on_every_broker() -> None:
    cluster = Cluster(["g-worker-a", "g-worker-me", "g-replay"], ["g-worker-b", "somebody-elses"])
    assert await end(cluster) == ["abandoned_transaction_ended"] * 2
    assert cluster.ended == ["g-worker-a", "g-worker-b"]
    assert cluster.asked_ms == [5000, 5000]


async def test_an_older_broker_that_does_not_say_leaves_them_to_its_time_out() -> None:
    cluster = Cluster(IncompatibleBrokerVersion("v0"))
    assert await end(cluster) == []
    assert cluster.ended == []


@pytest.mark.parametrize("cluster", [Cluster(KafkaConnectionError("gone")), Cluster(["g-worker-a"], code=31)])
async def test_a_refusal_is_logged_and_holds_nothing_up(cluster: Cluster) -> None:
    assert await end(cluster) == ["abandoned_transactions_left"]
    assert cluster.ended == []


async def test_a_broker_that_does_not_answer_is_given_up() -> None:
    cluster = Cluster(["g-worker-a"])
    cluster.silent = True
    clock = LoopClock()
    ending = asyncio.create_task(end(cluster))
    await loop_until(lambda: cluster.asked_ms)
    clock.skip(60)
    assert await ending == ["abandoned_transactions_left"]
