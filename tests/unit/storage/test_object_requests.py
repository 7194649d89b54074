"""HEAD, PUT and GET of objects: what they say, and what they make of odd answers."""

from __future__ import annotations

import base64
import hashlib
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from aiohttp import web
from botocore.exceptions import FlexibleChecksumError

from schemas.enums import AudioEncoding
from tests.s3_standin import Refusal, Standin, s3_standin
from worker.config.settings import load_settings
from worker.storage.causes import CLOCK, FULL, KEYS, NO_BUCKET, Cause
from worker.storage.client import connect_store
from worker.storage.errors import StorageError, StorageRefusedError, StorageUnavailableError
from worker.storage.take_store import TakeStore
from worker.storage.takes import StoredTake

AUDIO = b"audio"
TAKE = StoredTake("takes/x.wav", len(AUDIO), hashlib.sha256(AUDIO).hexdigest(), 1.0, AudioEncoding.LINEAR16, 24000, "v")


@asynccontextmanager
async def opened(**settings: str) -> AsyncIterator[tuple[Standin, TakeStore]]:
    async with s3_standin() as s3:
        given = {"S3_ENDPOINT_URL": s3.address, "S3_ACCESS_KEY_ID": "a", "S3_SECRET_ACCESS_KEY": "b"}
        async with connect_store(load_settings({**given, "S3_TIMEOUT_S": "60", **settings}).storage, 2) as store:
            yield s3, store


def sent(s3: Standin, key: str = TAKE.key) -> dict[str, str]:
    return {name.lower(): value for name, value in s3.objects[key].headers.items()}


async def test_an_upload_is_one_request_that_says_whose_body_it_is() -> None:
    async with opened() as (s3, store):
        assert await store.store(TAKE, AUDIO) == TAKE
        assert s3.requests == [("PUT", TAKE.key, len(AUDIO))]
    headers = sent(s3)
    assert headers["if-none-match"] == "*"
    assert headers["x-amz-content-sha256"] == TAKE.sha256, "signed, so that nothing on the way can change it"
    assert headers["content-type"] == "audio/wav"
    assert headers["user-agent"] == "chirp-worker"
    assert "expect" not in headers
    assert not {name for name in headers if "checksum" in name}


async def test_a_take_comes_back_with_its_audio_and_all_that_was_stored_with_it() -> None:
    async with opened() as (_, store):
        await store.store(TAKE, AUDIO)
        assert await store.fetch_whole(TAKE.key) == (TAKE, AUDIO)
        assert await store.fetch_whole("takes/none.wav") is None


@pytest.mark.parametrize("key", ["a b/ü.ogg", "a+b=c&d?e#f%20.ogg", "~x/(y)!*'.ogg"])
async def test_a_key_of_any_signs_is_found_again(key: str) -> None:
    async with opened() as (s3, store):
        await store.store(replace(TAKE, key=key), AUDIO)
        assert s3.objects.keys() == {key}
        assert await store.fetch(key) == AUDIO


async def test_checksums_are_sent_where_they_are_wanted_and_a_wrong_one_is_refused() -> None:
    crc = base64.b64encode(zlib.crc32(AUDIO).to_bytes(4)).decode()

    def with_checksum(stored: str) -> web.Response:
        return web.Response(body=AUDIO, headers={"x-amz-checksum-crc32": stored})

    async with opened(S3_CHECKSUMS="when_supported") as (s3, store):
        await store.store(TAKE, AUDIO)
        assert sent(s3)["x-amz-checksum-crc32"] == crc
        for stored in (crc, f"{crc}-2"):
            s3.instead = lambda _, stored=stored: with_checksum(stored)
            assert await store.fetch(TAKE.key) == AUDIO
        s3.instead = lambda _: with_checksum("AAAAAA==")
        with pytest.raises(StorageRefusedError) as refused:
            await store.fetch(TAKE.key)
    assert isinstance(refused.value.__cause__, FlexibleChecksumError)


@pytest.mark.parametrize(
    ("refusal", "kind", "cause"),
    [
        (Refusal(403, "QuotaExceeded"), StorageRefusedError, FULL),
        (Refusal(507), StorageUnavailableError, FULL),
        (Refusal(403, "AccessDenied", "the bucket is read only"), StorageRefusedError, FULL),
        (Refusal(403, "RequestTimeTooSkewed"), StorageRefusedError, CLOCK),
        (Refusal(400, "ExpiredToken"), StorageRefusedError, KEYS),
        (Refusal(403, "InvalidAccessKeyId"), StorageRefusedError, KEYS),
        (Refusal(404, "NoSuchBucket"), StorageRefusedError, NO_BUCKET),
        (Refusal(400, "RequestTimeout"), StorageUnavailableError, None),
        (Refusal(302), StorageRefusedError, None),
    ],
)
async def test_what_a_store_says_is_told_apart_and_sent_once(
    refusal: Refusal, kind: type[StorageError], cause: Cause | None
) -> None:
    async with opened() as (s3, store):
        s3.refused["PUT"] = refusal
        with pytest.raises(kind) as refused:
            await store.store(TAKE, AUDIO)
        assert s3.count("PUT", probes=False) == 1
    assert refused.value.cause == cause


async def test_another_put_under_way_is_waited_for_and_then_the_first_take_is_given() -> None:
    async with opened() as (s3, store):
        await store.store(TAKE, AUDIO)
        s3.conditional = 409
        statuses = iter([409, 409, 412])

        def next_status(_: str) -> bool:
            s3.conditional = next(statuses)
            return False

        s3.refuses_key = next_status
        assert await store.store(replace(TAKE, duration_s=2.0), AUDIO) == TAKE
        assert s3.count("PUT", probes=False) == 4


@pytest.mark.parametrize("step", ["HEAD", "PUT"])
async def test_a_page_with_an_etag_and_a_good_status_is_no_store(step: str) -> None:
    def page(request: web.Request) -> web.Response:
        if request.method == step:
            return web.Response(text="<html>Please log in</html>", headers={"ETag": '"page"'})
        return web.Response(status=404)

    async with opened() as (s3, store):
        s3.instead = page
        with pytest.raises(StorageError):
            await (store.look_up(TAKE.key) if step == "HEAD" else store.store(TAKE, AUDIO))


async def test_a_redirection_is_not_followed_to_somebody_else() -> None:
    asked: list[str] = []

    def elsewhere(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.Response(status=302, headers={"Location": "/stolen/object"})

    async with opened() as (s3, store):
        s3.instead = elsewhere
        with pytest.raises(StorageRefusedError):
            await store.look_up(TAKE.key)
    assert not [path for path in asked if path.startswith("/stolen")]


async def test_a_bucket_in_another_region_is_asked_there() -> None:
    """AWS names the region in its answer; boto finds it and objects' requests follow."""

    def in_frankfurt(request: web.Request) -> web.Response:
        if "/eu-central-1/s3/" in request.headers["Authorization"]:
            return (
                web.Response(status=404) if request.method == "HEAD" and request.path.count("/") > 1 else web.Response()
            )
        text = "<Error><Code>AuthorizationHeaderMalformed</Code><Region>eu-central-1</Region></Error>"
        return web.Response(
            status=400, text=None if request.method == "HEAD" else text, headers={"x-amz-bucket-region": "eu-central-1"}
        )

    async with opened(S3_REGION="us-east-1", S3_ADDRESSING="path") as (s3, store):
        s3.instead = in_frankfurt
        assert await store.look_up(TAKE.key) is None
