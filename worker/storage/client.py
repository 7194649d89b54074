"""Opens the process's one client of the S3-compatible store, set up for many small requests."""

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
    """Opens the process's one session and client. A second one would cost 95 to 200 ms and 11 MB.

    Args:
        connections: the size of the connection pool: one for each job in flight.

    Raises:
        StorageRefusedError: the settings are invalid, such as an address, a region or a profile that doesn't exist.
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
        # By default botocore builds a long one for every request, which takes a twentieth of the request's CPU time.
        user_agent="chirp-worker",
        max_pool_connections=connections,
        connect_timeout=min(2.0, settings.timeout_s),
        read_timeout=settings.timeout_s,
        # botocore makes no retries. Its own would wait up to 3 s and then 10 s for an answer, three times, before they
        # report a dead store, and they can't know that all jobs meet the same. `ResilientStore` tries as often.
        retries={"mode": "standard", "total_max_attempts": 1},
        # The parameters come from this package, not from a user.
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
        # `Expect: 100-continue` costs each upload a round trip. And when the connection breaks while aiohttp waits for
        # the answer, aiohttp loses an exception, which asyncio logs once a job.
        client.meta.events.unregister("before-call.s3", add_expect_header)
        _remember_endpoint(client)
        yield TakeStore(client, settings.bucket, settings.timeout_s)


def _remember_endpoint(client: Any) -> None:
    """Lets botocore's cache of endpoints hit, as it is meant to.

    The cache's key holds all parameters of a request that botocore's rules declare. No rule reads the object's key,
    which differs each time. Without that parameter a look-up takes a fifth less CPU time.
    """
    client._ruleset_resolver._provider.ruleset.parameters.pop("Key", None)  # noqa: SLF001
