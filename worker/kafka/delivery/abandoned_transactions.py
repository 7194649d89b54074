"""Ends the transactions that dead workers left open, before others take their partitions over.

A worker that is killed between the begin and the end of a transaction leaves it open until a successor of its name
starts, or for Kafka's time-out of a minute and more. Meanwhile nobody who reads committed records sees what other
workers append behind it.
"""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Final

import structlog
from aiokafka.errors import KafkaError

from worker.kafka.client.admin import Admin
from worker.kafka.client.open_transactions import list_open_transactions
from worker.kafka.client.producer import Producer

_LONGEST_S: Final = 3.0
_log = structlog.get_logger(__name__)


class AbandonedTransactions:
    """The open transactions of workers that are no members of the group any more.

    Args:
        connect: opens a producer with a transactional id; its start ends what that id has open.
        prefix: what the workers' transactional ids begin with.
        own_id: this worker's.
        older_than_s: an assignment comes once each member has ended its transaction, or was given up after its session.
            So what has been open for most of a session is nobody's.
    """

    def __init__(
        self,
        admin: Admin,
        connect: Callable[[str], AbstractAsyncContextManager[Producer]],
        *,
        prefix: str,
        own_id: str,
        older_than_s: float,
    ) -> None:
        self._admin = admin
        self._connect = connect
        self._prefix = prefix
        self._own_id = own_id
        self._older_than_s = older_than_s

    async def end(self) -> None:
        """Ends them all; gives up after 3 s, or where Kafka refuses, and leaves them to Kafka's time-out."""
        try:
            async with asyncio.timeout(_LONGEST_S):
                for transactional_id in await list_open_transactions(self._admin, self._older_than_s) or []:
                    if transactional_id.startswith(self._prefix) and transactional_id != self._own_id:
                        async with self._connect(transactional_id):
                            _log.info("abandoned_transaction_ended", transactional_id=transactional_id)
        except (KafkaError, TimeoutError) as error:
            _log.warning(
                "abandoned_transactions_left",
                error=f"{type(error).__name__}: {error}",
                detail="Kafka ends them after a minute; until then, readers of committed records wait behind them",
            )
