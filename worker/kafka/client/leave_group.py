"""Has a static member leave its group (KIP-345, LeaveGroup version 3); aiokafka lets only dynamic ones leave."""

from typing import Any, Final

import structlog
from aiokafka.errors import IncompatibleBrokerVersion, KafkaError
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import Array, Int16, Int32, Schema, String

_TEXT: Final = String("utf-8")
_log = structlog.get_logger(__name__)


class _LeaveGroupResponse(Response):  # type: ignore[misc]  # aiokafka has no types
    API_KEY = 13
    API_VERSION = 3
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        ("error_code", Int16),
        ("members", Array(("member_id", _TEXT), ("group_instance_id", _TEXT), ("error_code", Int16))),
    )


class _LeaveGroupRequestStruct(RequestStruct):  # type: ignore[misc]
    API_KEY = 13
    API_VERSION = 3
    RESPONSE_TYPE = _LeaveGroupResponse
    SCHEMA = Schema(("group", _TEXT), ("members", Array(("member_id", _TEXT), ("group_instance_id", _TEXT))))


class _LeaveGroupRequest(Request[_LeaveGroupRequestStruct]):  # type: ignore[misc]
    API_KEY = 13

    def __init__(self, group_id: str, member_id: str, instance_id: str) -> None:
        self._fields = (group_id, [(member_id, instance_id)])

    def build(self, request_struct_class: type[_LeaveGroupRequestStruct]) -> Any:
        return request_struct_class(*self._fields)


async def leave_group(coordinator: Any, instance_id: str) -> None:
    """Leaves the group; where Kafka refuses or is too old (before 2.4), the session timeout ends the membership.

    Args:
        coordinator: a consumer's.
    """
    request = _LeaveGroupRequest(coordinator.group_id, coordinator.member_id, instance_id)
    try:
        await coordinator._send_req(request)  # noqa: SLF001
    except (KafkaError, IncompatibleBrokerVersion, NotImplementedError) as error:
        _log.info("group_not_left", error=f"{type(error).__name__}: {error}")
