"""What the store's answers mean: wait for it, or mend something; and a dead store is noticed at once."""

from __future__ import annotations

import asyncio
import resource
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from botocore.exceptions import NoCredentialsError, SSLError

from loadtest.stack.ports import free_ports
from schemas.enums import AudioEncoding
from worker.config.settings import load_settings
from worker.lifecycle.clock import Clock
from worker.lifecycle.dependency import UNREACHABLE, DependencyDownError
from worker.storage.causes import NO_FILES
from worker.storage.client import connect_store
from worker.storage.errors import StorageError, StorageRefusedError, StorageUnavailableError
from worker.storage.probes import StoreProbes, outage_at_start
from worker.storage.s3_errors import storage_error
from worker.storage.take_store import TakeStore
from worker.storage.takes import StoredTake

TAKE = StoredTake("takes/x.wav", 3, "ff", 1.0, AudioEncoding.LINEAR16, 24000, "v")


@asynccontextmanager
async def store_at(address: str, **settings: str) -> AsyncIterator[TakeStore]:
    given = {"S3_ENDPOINT_URL": address, "S3_ACCESS_KEY_ID": "a", "S3_SECRET_ACCESS_KEY": "b", "S3_TIMEOUT_S": "60"}
    async with connect_store(load_settings({**given, **settings}).storage, 2) as store:
        yield store


@asynccontextmanager
async def answering(
    status: int, code: str = "", *, silent: bool = False, **settings: str
) -> AsyncIterator[tuple[TakeStore, list[str]]]:
    """A store that answers every request with the same result, at the end if it is silent; it records the requests."""
    requested: list[str] = []
    speaks = asyncio.Event()
    if not silent:
        speaks.set()

    async def answer(request: web.Request) -> web.Response:
        requested.append(request.method)
        await speaks.wait()
        body = f"<Error><Code>{code}</Code></Error>" if code and request.method != "HEAD" else None
        return web.Response(status=status, text=body)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        async with store_at(f"http://127.0.0.1:{runner.addresses[0][1]}", **settings) as store:
            yield store, requested
    finally:
        speaks.set()
        await runner.cleanup()


LATER = [(500, "InternalError"), (503, "SlowDown"), (503, "ServiceUnavailable"), (502, ""), (504, ""), (429, ""),
         (400, "RequestTimeout")]  # fmt: skip
NEVER = [(403, "AccessDenied"), (403, "InvalidAccessKeyId"), (404, "NoSuchBucket"), (400, "ExpiredToken"),
         (501, "NotImplemented")]  # fmt: skip


@pytest.mark.parametrize(("status", "code"), LATER)
async def test_a_store_that_is_ill_or_busy_may_work_later_and_is_asked_once_a_try(status: int, code: str) -> None:
    async with answering(status, code) as (store, requested):
        with pytest.raises(StorageUnavailableError, match=r"takes/x\.wav"):
            await store.store(TAKE, b"abc")
        assert requested == ["PUT"]


@pytest.mark.parametrize(("status", "code"), NEVER)
async def test_a_store_that_refuses_will_refuse_again(status: int, code: str) -> None:
    async with answering(status, code) as (store, _):
        with pytest.raises(StorageRefusedError):
            await store.store(TAKE, b"abc")


async def test_a_look_up_of_what_is_not_there_is_no_error_and_of_what_is_no_take_is_refused() -> None:
    async with answering(404) as (store, _):
        assert await store.look_up("takes/x") is None
    async with answering(200) as (store, _):
        with pytest.raises(StorageRefusedError, match="without a take's metadata"):
            await store.look_up("takes/x")
    async with answering(403) as (store, _):
        with pytest.raises(StorageRefusedError):
            await store.look_up("takes/x")
    async with answering(503) as (store, _):
        with pytest.raises(StorageUnavailableError):
            await store.look_up("takes/x")


@pytest.mark.parametrize("step", ["check_bucket", "look_up", "store"])
async def test_a_refused_connection_is_noticed_at_once(step: str) -> None:
    arguments: dict[str, tuple[Any, ...]] = {"check_bucket": (), "look_up": ("x",), "store": (TAKE, b"abc")}
    (port,) = free_ports(1)
    async with store_at(f"http://127.0.0.1:{port}", S3_TIMEOUT_S="3600") as store, asyncio.timeout(60):
        with pytest.raises(StorageUnavailableError):
            await getattr(store, step)(*arguments[step])


async def test_a_store_that_says_nothing_is_unavailable_after_its_timeout() -> None:
    async with answering(200, silent=True, S3_TIMEOUT_S="0.1") as (store, _):
        with pytest.raises(StorageUnavailableError):
            await store.look_up("takes/x")


@pytest.mark.parametrize("status", [403, 404, 503])
async def test_the_probe_tells_refused_from_out_of_reach_and_the_start_waits_for_the_latter_alone(status: int) -> None:
    async with answering(status) as (store, _):
        with pytest.raises(DependencyDownError) as down:
            await StoreProbes(store, "takes", Clock()).look_up()
        with pytest.raises(StorageError) as error:
            await store.check_bucket()
    assert (down.value.outage.reason == UNREACHABLE) is (status == 503)
    at_start = outage_at_start("tts-audio")(error.value)
    assert (at_start == down.value.outage) if status == 503 else (at_start is None)


async def test_settings_that_make_no_client_are_refused() -> None:
    with pytest.raises(StorageRefusedError, match="S3 settings"):
        async with store_at("http://[x"):
            pass


def test_a_certificate_that_does_not_fit_and_missing_keys_are_wrong_settings() -> None:
    assert isinstance(storage_error("x", SSLError(endpoint_url="https://x", error="bad")), StorageRefusedError)
    assert isinstance(storage_error("x", NoCredentialsError()), StorageRefusedError)
    assert str(storage_error("look-up of x", TimeoutError())) == "look-up of x: no answer within S3_TIMEOUT_S"


@pytest.mark.parametrize("step", ["check_bucket", "look_up"])
async def test_too_many_open_files_are_called_that_and_say_what_to_do(step: str) -> None:
    async with answering(404) as (store, requested):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        # No file or socket can be opened any more, as at the limit.
        resource.setrlimit(resource.RLIMIT_NOFILE, (1, hard))
        try:
            with pytest.raises(StorageUnavailableError, match="raise the limit of open files") as error:
                await getattr(store, step)(*([] if step == "check_bucket" else ["x"]))
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert requested == []
    assert error.value.cause is NO_FILES
