"""Which transactions a cluster has had open for long: ListTransactions with a duration (KIP-664, KIP-994)."""

from typing import Any, Final

from aiokafka.errors import IncompatibleBrokerVersion, for_code
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import CompactArray, CompactString, Int16, Int32, Int64, Schema, TaggedFields

from worker.kafka.client.admin import Admin

_TEXT: Final = CompactString("utf-8")
_OPEN: Final = "Ongoing"
_NO_TAGS: Final[dict[int, bytes]] = {}


class _ListTransactionsResponse(Response):  # type: ignore[misc]  # aiokafka has no types
    API_KEY = 66
    API_VERSION = 1
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        ("error_code", Int16),
        ("unknown_state_filters", CompactArray(_TEXT)),
        (
            "transactions",
            CompactArray(("transactional_id", _TEXT), ("producer_id", Int64), ("state", _TEXT), ("tags", TaggedFields)),
        ),
        ("tags", TaggedFields),
    )


class _ListTransactionsRequestStruct(RequestStruct):  # type: ignore[misc]
    FLEXIBLE_VERSION = True
    API_KEY = 66
    API_VERSION = 1
    RESPONSE_TYPE = _ListTransactionsResponse
    SCHEMA = Schema(
        ("state_filters", CompactArray(_TEXT)),
        ("producer_id_filters", CompactArray(Int64)),
        ("duration_filter_ms", Int64),
        ("tags", TaggedFields),
    )


class _ListTransactionsRequest(Request[_ListTransactionsRequestStruct]):  # type: ignore[misc]
    API_KEY = 66

    def __init__(self, older_than_ms: int) -> None:
        self._older_than_ms = older_than_ms

    def build(self, request_struct_class: type[_ListTransactionsRequestStruct]) -> Any:
        return request_struct_class(
            state_filters=[_OPEN], producer_id_filters=[], duration_filter_ms=self._older_than_ms, tags=_NO_TAGS
        )


async def list_open_transactions(admin: Admin, older_than_s: float) -> list[str] | None:
    """The transactional ids, of those that this client may describe, with a transaction open for longer than this.

    Returns:
        None from a cluster that doesn't say, which is older than Kafka 3.8.

    Raises:
        KafkaError: Kafka can't be reached, or refuses.
    """
    request = _ListTransactionsRequest(int(older_than_s * 1000))
    found: list[str] = []
    for broker in (await admin.describe_cluster())["brokers"]:
        try:
            answer = await admin._send_request(request, broker["node_id"])  # type: ignore[attr-defined]  # noqa: SLF001
        except (IncompatibleBrokerVersion, NotImplementedError):
            return None
        if answer.error_code:
            raise for_code(answer.error_code)("the broker doesn't list its transactions")
        found += [transactional_id for transactional_id, *_ in answer.transactions]
    return found
