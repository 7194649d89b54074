"""Opens the process's one client of the S3-compatible store, set up for many small requests."""

import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Final

import aioboto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError
from pydantic import SecretStr

from worker.config.secret_file import file_stamp
from worker.config.sections import StorageSettings
from worker.lifecycle.clock import Clock
from worker.storage.errors import StorageRefusedError
from worker.storage.object_requests import ObjectRequests
from worker.storage.reopenable import ReopenableClient, StoreClient
from worker.storage.server_certificate import check_server_certificates
from worker.storage.take_store import TakeStore

# A store in reach takes a connection in milliseconds.
_CONNECT_S: Final = 2.0


@asynccontextmanager
async def connect_store(settings: StorageSettings, connections: int) -> AsyncIterator[TakeStore]:
    """Opens the process's one session and client. A second one would cost 95 to 200 ms and 11 MB.

    Args:
        connections: the size of the connection pool: one for each job in flight.

    Raises:
        StorageRefusedError: the settings are invalid, such as an address, a region or a profile that doesn't exist.
    """
    client = ReopenableClient(partial(_open_client, settings, connections), partial(_stamp, settings))
    await client.reopen()
    try:
        yield TakeStore(client, settings.bucket, settings.timeout_s)
    finally:
        await client.close()


@asynccontextmanager
async def _open_client(settings: StorageSettings, connections: int) -> AsyncIterator[StoreClient]:
    """A client on a new session: only a new session reads the credentials file and the profile again."""
    check_server_certificates()
    async with AsyncExitStack() as stack:
        try:
            _check_ca_file(settings)
            session = _session(settings)
            client = await stack.enter_async_context(
                session.client(
                    "s3",
                    endpoint_url=settings.endpoint_url,
                    verify=None if settings.ca_file is None else str(settings.ca_file),
                    config=_config(settings, connections),
                )
            )
        except (BotoCoreError, ValueError, OSError) as error:
            raise StorageRefusedError(f"S3 settings: {error}") from None
        objects = ObjectRequests(
            client,
            await session.get_credentials(),
            settings.bucket,
            encryption=_encryption(settings),
            checksums=settings.checksums,
            clock=Clock(),
        )
        stack.push_async_callback(objects.close)
        yield StoreClient(client, objects)


def _session(settings: StorageSettings) -> aioboto3.Session:
    return aioboto3.Session(
        aws_access_key_id=_revealed(settings.access_key_id),
        aws_secret_access_key=_revealed(settings.secret_access_key),
        aws_session_token=_revealed(settings.session_token),
        region_name=settings.region,
    )


def _revealed(secret: SecretStr | None) -> str | None:
    return secret.get_secret_value() if secret else None


def _stamp(settings: StorageSettings) -> tuple[object, ...]:
    secrets = (settings.access_key_id, settings.secret_access_key, settings.session_token, settings.proxy_url)
    try:
        ca = None if settings.ca_file is None else file_stamp(settings.ca_file)
    except OSError:
        ca = None
    return (*map(_revealed, secrets), ca)


def _check_ca_file(settings: StorageSettings) -> None:
    # botocore reads the file at the first request, and its error doesn't name it.
    if settings.ca_file is None:
        return
    try:
        ssl.create_default_context(cafile=settings.ca_file)
    except OSError as error:
        reason = "no PEM certificate in it" if isinstance(error, ssl.SSLError) else error.strerror
        raise ValueError(f"S3_CA_FILE={str(settings.ca_file)!r}: {reason}") from None


def _encryption(settings: StorageSettings) -> dict[str, str]:
    """The headers of an upload that have the store encrypt the object."""
    wanted = {
        "x-amz-server-side-encryption": settings.sse,
        "x-amz-server-side-encryption-aws-kms-key-id": settings.sse_kms_key_id,
    }
    return {name: value for name, value in wanted.items() if value is not None}


def _config(settings: StorageSettings, connections: int) -> Config:
    proxy = _revealed(settings.proxy_url)
    return Config(
        # By default botocore builds a long one for every request, which takes a twentieth of the request's CPU time.
        user_agent="chirp-worker",
        # Requests are signed so by default, and presigned addresses in most regions. In the others those would get
        # version 2, which objects that KMS encrypts refuse.
        signature_version="s3v4",
        max_pool_connections=connections,
        # Unset, boto's own configuration file counts too.
        s3=None if settings.addressing == "auto" else {"addressing_style": settings.addressing},
        proxies=None if proxy is None else {"http": proxy, "https": proxy},
        connect_timeout=min(_CONNECT_S, settings.timeout_s),
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
