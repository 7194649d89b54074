"""Single requests to Kafka, each of which needs one right: whether the authorizer lets them through.

A request that is let through may fail for another reason (the topic is there already, the member is unknown). That is
wanted: apart from the records that are written, none changes anything.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.protocol.admin import (
    AlterConfigsRequest,
    CreateAclsRequest,
    CreatePartitionsRequest,
    CreateTopicsRequest,
    DeleteTopicsRequest,
    DescribeAclsRequest,
    DescribeGroupsRequest,
)
from aiokafka.protocol.coordination import FindCoordinatorRequest
from aiokafka.protocol.fetch import FetchRequest
from aiokafka.protocol.group import HeartbeatRequest
from aiokafka.protocol.metadata import MetadataRequest
from aiokafka.protocol.produce import ProduceRequest
from aiokafka.protocol.transaction import EndTxnRequest
from aiokafka.record.default_records import DefaultRecordBatchBuilder

from tests.kafka.authorizer import SUPER_USER

_DENIED: Final = {29, 30, 31, 53}
"""Kafka's codes: not authorized for a topic, a group, the cluster, a transactional id."""
_TIMEOUT_MS: Final = 10_000
_ANY, _ALLOW = 1, 3

Attempt = Callable[[AIOKafkaAdminClient, str], Awaitable[int]]
"""Sends a request about a resource; returns the code of Kafka's answer."""


async def is_allowed(admin: AIOKafkaAdminClient, attempt: Attempt, name: str) -> bool:
    return await attempt(admin, name) not in _DENIED


async def describe_topic(admin: AIOKafkaAdminClient, name: str) -> int:
    answer = await admin._send_request(MetadataRequest([name], allow_auto_topic_creation=False))
    return answer.topics[0][0]


async def read_topic(admin: AIOKafkaAdminClient, name: str) -> int:
    answer = await admin._send_request(FetchRequest(0, 0, 2**20, 0, [(name, [(0, 0, 2**20)])]))
    return answer.topics[0][1][0][1]


async def write_topic(admin: AIOKafkaAdminClient, name: str) -> int:
    batch = DefaultRecordBatchBuilder(
        magic=2,
        compression_type=0,
        is_transactional=0,
        producer_id=-1,
        producer_epoch=-1,
        base_sequence=-1,
        batch_size=1_000,
    )
    batch.append(0, timestamp=None, key=None, value=b"from whoever may", headers=[])
    answer = await admin._send_request(ProduceRequest(None, -1, _TIMEOUT_MS, [(name, [(0, bytes(batch.build()))])]))
    return answer.topics[0][1][0][1]


async def create_topic(admin: AIOKafkaAdminClient, name: str) -> int:
    new = admin._convert_new_topic_request(NewTopic(name, 1, 1))
    answer = await admin._send_request(CreateTopicsRequest([new], _TIMEOUT_MS, validate_only=True))
    return answer.topic_errors[0][1]


async def alter_topic(admin: AIOKafkaAdminClient, name: str) -> int:
    request = CreatePartitionsRequest([(name, (100, None))], _TIMEOUT_MS, validate_only=True)
    return (await admin._send_request(request)).topic_errors[0][1]


async def delete_topic(admin: AIOKafkaAdminClient, name: str) -> int:
    return (await admin._send_request(DeleteTopicsRequest([name], _TIMEOUT_MS))).topic_error_codes[0][1]


async def describe_topic_configs(admin: AIOKafkaAdminClient, name: str) -> int:
    (answer,) = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name)])
    return answer.resources[0][0]


async def alter_topic_configs(admin: AIOKafkaAdminClient, name: str) -> int:
    request = AlterConfigsRequest([(ConfigResourceType.TOPIC.value, name, [("retention.ms", "1")])])
    return (await admin._send_request(request)).resources[0][0]


async def describe_group(admin: AIOKafkaAdminClient, name: str) -> int:
    return (await admin._send_request(DescribeGroupsRequest([name]))).groups[0][0]


async def join_group(admin: AIOKafkaAdminClient, name: str) -> int:
    return (await admin._send_request(HeartbeatRequest(name, 1, "nobody"))).error_code


async def find_transactions(admin: AIOKafkaAdminClient, name: str) -> int:
    return (await admin._send_request(FindCoordinatorRequest(name, 1))).error_code


async def end_transaction(admin: AIOKafkaAdminClient, name: str) -> int:
    return (await admin._send_request(EndTxnRequest(name, -1, 0, transaction_result=False))).error_code


async def describe_acls(admin: AIOKafkaAdminClient, _: str) -> int:
    return (await admin._send_request(DescribeAclsRequest(_ANY, None, _ANY, None, None, _ANY, _ANY))).error_code


async def create_acl(admin: AIOKafkaAdminClient, _: str) -> int:
    request = CreateAclsRequest(2, "nobodys", 3, SUPER_USER, "*", 3, _ALLOW)
    return (await admin._send_request(request)).creation_responses[0][0]


TOPIC_OPERATIONS: Final[Mapping[str, Attempt]] = {
    "Describe": describe_topic,
    "Read": read_topic,
    "Write": write_topic,
    "Create": create_topic,
    "DescribeConfigs": describe_topic_configs,
    "Alter": alter_topic,
    "AlterConfigs": alter_topic_configs,
    "Delete": delete_topic,
}
GROUP_OPERATIONS: Final[Mapping[str, Attempt]] = {"Describe": describe_group, "Read": join_group}
TRANSACTION_OPERATIONS: Final[Mapping[str, Attempt]] = {"Describe": find_transactions, "Write": end_transaction}
CLUSTER_OPERATIONS: Final[Mapping[str, Attempt]] = {"Describe": describe_acls, "Alter": create_acl}
