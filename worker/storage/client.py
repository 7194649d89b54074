"""The process's one client of the S3-compatible store, set up for many small requests."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import aioboto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError
from botocore.handlers import add_expect_header

from worker.config.sections import StorageSettings
from worker.storage.errors import StorageRefusedError
from worker.storage.take_store import TakeStore


@asynccontextmanager
async def connect_store(settings: StorageSettings, connections: int) -> AsyncIterator[TakeStore]:
    """Opens the process's one session and client: another costs 95 to 200 ms and 11 MB.

    Args:
        settings: where the store is.
        connections: the pool's size; one a job in flight.

    Raises:
        StorageRefusedError: the settings make no client: an address, a region or a profile that can't be.
    """
    secret = settings.secret_access_key
    try:
        session = aioboto3.Session(
            aws_access_key_id=settings.access_key_id,
            aws_secret_access_key=secret.get_secret_value() if secret else None,
            region_name=settings.region,
        )
    except BotoCoreError as error:
        raise StorageRefusedError(f"S3 settings: {error}") from None
    config = Config(
        # botocore would put its own long one together for every request, a twentieth of the request's CPU time.
        user_agent="chirp-worker",
        max_pool_connections=connections,
        connect_timeout=min(2.0, settings.timeout_s),
        read_timeout=settings.timeout_s,
        # No retries in here. botocore's wait up to 3 s and then 10 s for an answer, three times, before anybody
        # hears of a dead store, and they can't know that all jobs meet the same. `ResilientStore` tries as often.
        retries={"mode": "standard", "total_max_attempts": 1},
        # What is sent is this module's own, and no user's.
        parameter_validation=False,
        # The default CRC32 breaks some S3-compatible stores.
        request_checksum_calculation=settings.checksums,
        response_checksum_validation=settings.checksums,
    )
    async with AsyncExitStack() as stack:
        try:
            client = await stack.enter_async_context(
                session.client("s3", endpoint_url=settings.endpoint_url, config=config)
            )
        except (BotoCoreError, ValueError) as error:
            raise StorageRefusedError(f"S3 settings: {error}") from None
        # `Expect: 100-continue` costs a take a round trip; and where the connection breaks while aiohttp waits for the
        # answer, it loses an exception, which asyncio logs, once a job.
        client.meta.events.unregister("before-call.s3", add_expect_header)
        _remember_endpoint(client)
        yield TakeStore(client, settings.bucket, settings.timeout_s)


def _remember_endpoint(client: Any) -> None:
    """Lets botocore find the endpoint that it worked out for the request before, as it means to.

    It remembers them by all of a request's parameters that its rules declare. No rule reads the object's key, which is
    another one each time: without it a look-up takes a fifth less CPU time.
    """
    client._ruleset_resolver._provider.ruleset.parameters.pop("Key", None)  # noqa: SLF001
