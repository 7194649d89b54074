"""Takes in an S3-compatible store: look-up and conditional upload, by one client for the process."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from http import HTTPStatus
from typing import Any, Final

import aioboto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from tenacity import AsyncRetrying, retry_if_exception, stop_after_attempt, wait_random_exponential

from schemas.words import AudioEncoding
from worker.settings import StorageSettings
from worker.storage.takes import CONTENT_TYPES, StoredTake

_CONFLICT_TRIES: Final = 5


class StorageUnavailable(Exception):
    """The store didn't do what was asked; the same may work later."""


class TakeStore:
    """The stored takes of one bucket."""

    def __init__(self, client: Any, bucket: str) -> None:
        self._client = client
        self.bucket = bucket

    async def check_bucket(self) -> None:
        """Makes sure that the bucket can be reached with these keys.

        Raises:
            StorageUnavailable: it can't.
        """
        try:
            await self._client.head_bucket(Bucket=self.bucket)
        except (ClientError, BotoCoreError) as error:
            raise StorageUnavailable(f"bucket {self.bucket}: {error}") from error

    async def look_up(self, key: str) -> StoredTake | None:
        """The stored take of a key, or None.

        Raises:
            StorageUnavailable: the store couldn't answer.
        """
        try:
            head = await self._client.head_object(Bucket=self.bucket, Key=key)
        except ClientError as error:
            if _status(error) == HTTPStatus.NOT_FOUND:
                return None
            raise StorageUnavailable(f"look-up of {key}: {error}") from error
        except BotoCoreError as error:
            raise StorageUnavailable(f"look-up of {key}: {error}") from error
        return _stored(key, head)

    async def store(self, take: StoredTake, audio: bytes) -> StoredTake:
        """Stores a take unless one is there already, and says which one counts.

        Returns:
            The take given, or the one that was stored first.

        Raises:
            StorageUnavailable: the store couldn't answer.
        """
        try:
            await self._put_while_conflicts(take, audio)
        except ClientError as error:
            if _status(error) != HTTPStatus.PRECONDITION_FAILED:
                raise StorageUnavailable(f"upload of {take.key}: {error}") from error
        except BotoCoreError as error:
            raise StorageUnavailable(f"upload of {take.key}: {error}") from error
        else:
            return take
        first = await self.look_up(take.key)
        if first is None:
            raise StorageUnavailable(f"upload of {take.key}: refused as stored already, and not there")
        return first

    async def _put_while_conflicts(self, take: StoredTake, audio: bytes) -> None:
        try:
            await self._put_if_new(take, audio)
        except ClientError as error:
            if not _is_conflict(error):
                raise
        else:
            return
        # 409: somebody else's PUT of the key is under way; S3 asks for another try. Tenacity's objects are made
        # only now: every job would pay a tenth of a millisecond for them.
        retrying = AsyncRetrying(
            retry=retry_if_exception(_is_conflict),
            stop=stop_after_attempt(_CONFLICT_TRIES - 1),
            wait=wait_random_exponential(multiplier=0.05, max=1),
            reraise=True,
        )
        await retrying(self._put_if_new, take, audio)

    async def _put_if_new(self, take: StoredTake, audio: bytes) -> None:
        await self._client.put_object(
            Bucket=self.bucket,
            Key=take.key,
            Body=audio,
            IfNoneMatch="*",
            ContentType=CONTENT_TYPES[take.encoding],
            Metadata={
                "sha256": take.sha256,
                "duration": f"{take.duration_s:.6f}",
                "encoding": take.encoding.value,
                "sample-rate": str(take.sample_rate),
                "voice": take.voice,
            },
        )

    async def fetch(self, key: str) -> bytes:
        """The audio of a stored take.

        Raises:
            StorageUnavailable: it isn't there, or the store couldn't answer.
        """
        try:
            answer = await self._client.get_object(Bucket=self.bucket, Key=key)
            async with answer["Body"] as body:
                return bytes(await body.read())
        except (ClientError, BotoCoreError) as error:
            raise StorageUnavailable(f"download of {key}: {error}") from error

    async def probe_conditional_put(self, key: str) -> bool:
        """Stores a probe twice and removes it.

        Returns:
            Whether the store honours `If-None-Match: *`: the second PUT must be refused with 412.

        Raises:
            StorageUnavailable: the store couldn't answer, or refused the first PUT.
        """
        refused = False
        try:
            await self._client.delete_object(Bucket=self.bucket, Key=key)
            await self._client.put_object(Bucket=self.bucket, Key=key, Body=b"probe", IfNoneMatch="*")
            try:
                await self._client.put_object(Bucket=self.bucket, Key=key, Body=b"probe", IfNoneMatch="*")
            except ClientError as error:
                refused = _status(error) == HTTPStatus.PRECONDITION_FAILED
                if not refused:
                    raise
            await self._client.delete_object(Bucket=self.bucket, Key=key)
        except (ClientError, BotoCoreError) as error:
            raise StorageUnavailable(str(error)) from error
        return refused


@asynccontextmanager
async def connect_store(settings: StorageSettings, connections: int) -> AsyncIterator[TakeStore]:
    """Opens the process's one session and client: another costs 95 to 200 ms and 11 MB.

    Args:
        settings: where the store is.
        connections: the pool's size; one a job in flight.

    Raises:
        StorageUnavailable: the settings make no client: an address, a region or a profile that can't be.
    """
    secret = settings.secret_access_key
    try:
        session = aioboto3.Session(
            aws_access_key_id=settings.access_key_id,
            aws_secret_access_key=secret.get_secret_value() if secret else None,
            region_name=settings.region,
        )
    except BotoCoreError as error:
        raise StorageUnavailable(f"S3 settings: {error}") from None
    config = Config(
        # botocore would put its own long one together for every request, a twentieth of the request's CPU time.
        user_agent="chirp-worker",
        max_pool_connections=connections,
        connect_timeout=min(2.0, settings.timeout_s),
        read_timeout=settings.timeout_s,
        retries={"mode": "standard", "total_max_attempts": 3},
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
            raise StorageUnavailable(f"S3 settings: {error}") from None
        yield TakeStore(client, settings.bucket)


def _is_conflict(error: BaseException) -> bool:
    return isinstance(error, ClientError) and _status(error) == HTTPStatus.CONFLICT


def _status(error: ClientError) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def _stored(key: str, head: dict[str, Any]) -> StoredTake:
    """Reads a take's metadata; an object without it was put there by somebody else."""
    metadata = head.get("Metadata", {})
    try:
        return StoredTake(
            key=key,
            size=int(head["ContentLength"]),
            sha256=metadata["sha256"],
            duration_s=float(metadata["duration"]),
            encoding=AudioEncoding(metadata["encoding"]),
            sample_rate=int(metadata["sample-rate"]),
            voice=metadata["voice"],
        )
    except (KeyError, ValueError) as error:
        raise StorageUnavailable(f"{key} is there without a take's metadata ({error}); remove it") from None
