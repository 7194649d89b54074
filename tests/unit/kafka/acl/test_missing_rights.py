"""Which rights a login lacks, by what a broker answers; tests/kafka/test_rights.py has a real one."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.errors import (
    GroupAuthorizationFailedError,
    IncompatibleBrokerVersion,
    TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailed,
    UnknownTopicOrPartitionError,
)
from aiokafka.protocol.admin import DescribeGroupsRequest
from aiokafka.protocol.group import HeartbeatRequest
from aiokafka.protocol.transaction import EndTxnRequest

from worker.kafka.acl.missing_rights import missing_rights
from worker.kafka.acl.model import Operation, Resource, Right
from worker.kafka.client.access import allowed_operations, hidden_topics

BITS = {"Read": 3, "Write": 4, "Describe": 8}


class Broker:
    """Answers as a broker whose authorizer allows these operations.

    Args:
        topics: operations of those that exist.
        ids: transactional ids with Write.
    """

    def __init__(self, topics: dict[str, set[str]], groups: dict[str, set[str]] | None = None, *ids: str) -> None:
        self.topics = topics
        self.groups = groups or {}
        self.ids = ids

    async def _send_request(self, request: Any) -> Any:
        if isinstance(request, HeartbeatRequest):
            denied = "Read" not in self.groups.get(request._group, set())
            return SimpleNamespace(error_code=GroupAuthorizationFailedError.errno if denied else 25)
        if isinstance(request, DescribeGroupsRequest):
            codes = [0 if self.groups.get(each) else GroupAuthorizationFailedError.errno for each in request._groups]
            return SimpleNamespace(groups=[(code, "g") for code in codes])
        if isinstance(request, EndTxnRequest):
            denied = request._transactional_id not in self.ids
            return SimpleNamespace(error_code=TransactionalIdAuthorizationFailed.errno if denied else 49)
        return SimpleNamespace(topics=[self._topic(name) for name in request._topics])

    def _topic(self, name: str) -> tuple[int, str, bool, list, int]:
        if name not in self.topics:
            return UnknownTopicOrPartitionError.errno, name, False, [], 0
        allowed = self.topics[name]
        code = 0 if "Describe" in allowed else TopicAuthorizationFailedError.errno
        return code, name, False, [], sum(1 << BITS[each] for each in allowed)


class OldBroker:
    async def _send_request(self, _: Any) -> Any:
        raise IncompatibleBrokerVersion


TOPICS = ["tts.a", "tts.b", "tts.retry.a", "tts.gone"]
SEES = {"Describe"}


async def lacking(broker: Any, *rights: Right) -> list[str] | None:
    return await missing_rights(broker, rights, TOPICS)


def on_topics(*names: str, is_prefix: bool = False) -> Right:
    return Right(Resource.TOPIC, names, (Operation.READ, Operation.WRITE), "does it", is_prefix)


async def test_each_missing_operation_is_named_with_its_topic() -> None:
    broker = Broker({"tts.a": SEES | {"Read"}, "tts.b": set(), "tts.retry.a": SEES | {"Read", "Write"}})
    assert await lacking(broker, on_topics("tts.a", "tts.b")) == ["Write on tts.a", "Read on tts.b", "Write on tts.b"]
    assert await lacking(broker, on_topics("tts.retry.a")) == []


async def test_a_prefix_is_looked_at_by_the_topics_that_begin_with_it() -> None:
    broker = Broker({"tts.a": SEES, "tts.b": SEES, "tts.retry.a": SEES})
    assert await lacking(broker, on_topics("tts.retry.", is_prefix=True)) == [
        "Read on tts.retry.a",
        "Write on tts.retry.a",
    ]


async def test_a_topic_that_is_not_there_is_no_missing_right() -> None:
    assert await lacking(Broker({}), on_topics("tts.gone")) == []


async def test_creation_and_idempotent_writes_are_not_looked_at() -> None:
    broker = Broker({"tts.a": SEES})
    creation = Right(Resource.TOPIC, ("tts.a",), (Operation.CREATE, Operation.DESCRIBE), "creates it")
    idempotent = Right(Resource.CLUSTER, ("kafka-cluster",), (Operation.IDEMPOTENT_WRITE,), "writes once")
    assert await lacking(broker, creation, idempotent) == []


@pytest.mark.parametrize(
    ("right", "sentence"),
    [
        (Right(Resource.GROUP, ("g",), (Operation.READ,), ""), "Read on the group g"),
        (Right(Resource.GROUP, ("g",), (Operation.DESCRIBE,), ""), "Describe on the group g"),
        (Right(Resource.TRANSACTIONAL_ID, ("t-",), (Operation.WRITE,), ""), "Write on the transactional id t-"),
    ],
)
async def test_groups_and_transactional_ids_are_looked_at_too(right: Right, sentence: str) -> None:
    assert await lacking(Broker({}), right) == [sentence]
    assert await lacking(Broker({}, {"g": {"Read"}}, "t-"), right) == []


async def test_who_may_only_see_a_group_may_not_join_it() -> None:
    joins = Right(Resource.GROUP, ("g",), (Operation.READ,), "")
    assert await lacking(Broker({}, {"g": {"Describe"}}), joins) == ["Read on the group g"]


async def test_an_older_broker_does_not_say() -> None:
    old: Any = OldBroker()
    assert await lacking(old, on_topics("tts.a")) is None
    assert await allowed_operations(old, TOPICS) is None
    assert await hidden_topics(old, TOPICS) == []


async def test_a_broker_that_leaves_the_operations_out_does_not_say() -> None:
    class Silent(Broker):
        def _topic(self, name: str) -> tuple[int, str, bool, list, int]:
            code, *rest, _ = super()._topic(name)
            return (code, *rest, -(2**31))

    silent: Any = Silent({"tts.a": SEES})
    assert await lacking(silent, on_topics("tts.a")) is None
    assert await hidden_topics(silent, TOPICS) == []


async def test_what_may_not_be_described_is_hidden_and_what_does_not_exist_is_not() -> None:
    broker: Any = Broker({"tts.a": SEES, "tts.b": set()})
    assert await hidden_topics(broker, TOPICS) == ["tts.b"]
    assert await allowed_operations(broker, TOPICS) == {"tts.a": {"Describe"}, "tts.b": frozenset()}
