"""What Kafka allows this client, without doing it.

On topics by the authorized operations of Kafka's metadata (KIP-430, since Kafka 2.3): aiokafka knows metadata up to
version 5, and the operations are in version 8. On groups and transactional ids by requests that Kafka refuses whoever
sends them, for nobody's member and nobody's producer, but after it has looked at the sender's rights.
"""

from collections.abc import Collection, Mapping
from typing import Any, Final

from aiokafka.errors import (
    GroupAuthorizationFailedError,
    IncompatibleBrokerVersion,
    NoError,
    TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailed,
    UnknownTopicOrPartitionError,
)
from aiokafka.protocol.admin import DescribeGroupsRequest
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.group import HeartbeatRequest
from aiokafka.protocol.transaction import EndTxnRequest
from aiokafka.protocol.types import Array, Boolean, Int16, Int32, Schema, String

from worker.kafka.client.admin import Admin

_TEXT: Final = String("utf-8")
_NOBODY: Final = -1
_NOT_SAID: Final = -(2**31)
# The bits of the answer, by Kafka's enum AclOperation.
_OPERATIONS: Final = {
    3: "Read",
    4: "Write",
    5: "Create",
    6: "Delete",
    7: "Alter",
    8: "Describe",
    10: "DescribeConfigs",
    11: "AlterConfigs",
}


class _MetadataResponse(Response):  # type: ignore[misc]  # aiokafka has no types
    API_KEY = 3
    API_VERSION = 8
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        ("brokers", Array(("node_id", Int32), ("host", _TEXT), ("port", Int32), ("rack", _TEXT))),
        ("cluster_id", _TEXT),
        ("controller_id", Int32),
        (
            "topics",
            Array(
                ("error_code", Int16),
                ("topic", _TEXT),
                ("is_internal", Boolean),
                (
                    "partitions",
                    Array(
                        ("error_code", Int16),
                        ("partition", Int32),
                        ("leader", Int32),
                        ("leader_epoch", Int32),
                        ("replicas", Array(Int32)),
                        ("isr", Array(Int32)),
                        ("offline_replicas", Array(Int32)),
                    ),
                ),
                ("authorized_operations", Int32),
            ),
        ),
        ("cluster_authorized_operations", Int32),
    )


class _MetadataRequestStruct(RequestStruct):  # type: ignore[misc]
    API_KEY = 3
    API_VERSION = 8
    RESPONSE_TYPE = _MetadataResponse
    SCHEMA = Schema(
        ("topics", Array(_TEXT)),
        ("allow_auto_topic_creation", Boolean),
        ("include_cluster_authorized_operations", Boolean),
        ("include_topic_authorized_operations", Boolean),
    )


class _MetadataRequest(Request[_MetadataRequestStruct]):  # type: ignore[misc]
    API_KEY = 3

    def __init__(self, topics: Collection[str]) -> None:
        self._topics = list(topics)

    def build(self, request_struct_class: type[_MetadataRequestStruct]) -> Any:
        return request_struct_class(
            topics=self._topics,
            allow_auto_topic_creation=False,
            include_cluster_authorized_operations=False,
            include_topic_authorized_operations=True,
        )


async def allowed_operations(admin: Admin, topics: Collection[str]) -> Mapping[str, frozenset[str]] | None:
    """The operations that this client may do on each topic, by Kafka's own names such as `Read`.

    Returns:
        None if the broker doesn't say. Topics that don't exist are left out. A topic that the client may not describe
        has no operation; Kafka doesn't say whether it exists.

    Raises:
        KafkaError: Kafka doesn't answer.
    """
    found = await _describe(admin, topics)
    if found is None or any(code == NoError.errno and bits == _NOT_SAID for code, _, bits in found):
        return None
    return {
        name: frozenset() if code == TopicAuthorizationFailedError.errno else _names(bits)
        for code, name, bits in found
        if code != UnknownTopicOrPartitionError.errno
    }


async def hidden_topics(admin: Admin, topics: Collection[str]) -> list[str]:
    """Those of the topics that this client may not describe; Kafka leaves them out of its list of topics.

    Raises:
        KafkaError: Kafka doesn't answer.
    """
    found = await _describe(admin, topics) or []
    hidden = {name for code, name, _ in found if code == TopicAuthorizationFailedError.errno}
    # Kafka answers in any order.
    return [name for name in topics if name in hidden]


async def _describe(admin: Admin, topics: Collection[str]) -> list[tuple[int, str, int]] | None:
    """Each topic's error code, name and bits of operations; None from an older broker."""
    try:
        answer = await _send(admin, _MetadataRequest(topics))
    except (IncompatibleBrokerVersion, NotImplementedError):
        return None
    return [(code, name, bits) for code, name, _, _, bits in answer.topics]


async def may_join_group(admin: Admin, group_id: str) -> bool:
    """Whether this client may Read a consumer group: join it, and commit its offsets.

    Raises:
        KafkaError: Kafka doesn't answer.
    """
    answer = await _send(admin, HeartbeatRequest(group_id, _NOBODY, "nobody"))
    return bool(answer.error_code != GroupAuthorizationFailedError.errno)


async def may_describe_group(admin: Admin, group_id: str) -> bool:
    """Whether this client may Describe a consumer group: see its members and its offsets.

    Raises:
        KafkaError: Kafka doesn't answer.
    """
    answer = await _send(admin, DescribeGroupsRequest([group_id]))
    return all(code != GroupAuthorizationFailedError.errno for code, *_ in answer.groups)


async def may_write_transactions(admin: Admin, transactional_id: str) -> bool:
    """Whether this client may Write with a transactional id.

    Raises:
        KafkaError: Kafka doesn't answer.
    """
    # Kafka numbers producers from 0 on: no transaction can be this one's.
    answer = await _send(admin, EndTxnRequest(transactional_id, _NOBODY, 0, transaction_result=False))
    return bool(answer.error_code != TransactionalIdAuthorizationFailed.errno)


async def _send(admin: Admin, request: Any) -> Any:
    return await admin._send_request(request)  # type: ignore[attr-defined]  # noqa: SLF001


def _names(bits: int) -> frozenset[str]:
    return frozenset(name for bit, name in _OPERATIONS.items() if bits >> bit & 1)
