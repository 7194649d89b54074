"""Documents beside the takes: stored once, read within their size, and missing rather than wrong."""

from __future__ import annotations

import pytest

from tests.s3_standin import Refusal
from tests.unit.storage.test_object_requests import opened
from worker.storage.errors import StorageRefusedError, StorageUnavailableError

KEY, CONTENT = "takes/.report-ab.json", b'{"rows": []}'


async def test_a_document_comes_back_as_it_was_stored_and_no_shared_cache_keeps_it() -> None:
    async with opened() as (s3, store):
        await store.documents.store(KEY, CONTENT)
        assert await store.documents.fetch(KEY, len(CONTENT)) == CONTENT
        headers = {name.lower(): value for name, value in s3.objects[KEY].headers.items()}
    assert headers["content-type"] == "application/json"
    assert "private" in headers["cache-control"]


async def test_storing_it_again_changes_nothing() -> None:
    async with opened() as (_, store):
        for _again in range(2):
            await store.documents.store(KEY, CONTENT)
        assert await store.documents.fetch(KEY, len(CONTENT)) == CONTENT


async def test_a_document_that_is_missing_or_has_another_size_is_not_read() -> None:
    async with opened() as (s3, store):
        assert await store.documents.fetch(KEY, len(CONTENT)) is None
        await store.documents.store(KEY, CONTENT)
        s3.requests.clear()
        assert await store.documents.fetch(KEY, len(CONTENT) - 1) is None
        assert [method for method, *_ in s3.requests] == ["HEAD"]


async def test_it_is_no_take_among_those_that_are_listed() -> None:
    async with opened() as (_, store):
        await store.documents.store(KEY, CONTENT)
        assert [key async for batch in store.keys("takes") for key in batch] == []


async def test_another_object_in_its_place_is_named_and_stays() -> None:
    async with opened() as (s3, store):
        await store.documents.store(KEY, b"[]")
        with pytest.raises(StorageRefusedError, match="another object lies there; delete it"):
            await store.documents.store(KEY, CONTENT)
        assert s3.objects[KEY].body == b"[]"


async def test_a_store_that_refuses_or_a_proxy_in_its_place_is_said() -> None:
    async with opened() as (s3, store):
        s3.refused["PUT"] = Refusal(403, "AccessDenied")
        with pytest.raises(StorageRefusedError, match=KEY):
            await store.documents.store(KEY, CONTENT)
        s3.refused.clear()
        s3.has_etags = False
        with pytest.raises(StorageUnavailableError, match="proxy"):
            await store.documents.store(KEY, CONTENT)
        s3.refused["HEAD"] = Refusal(403)
        with pytest.raises(StorageRefusedError, match=KEY):
            await store.documents.fetch(KEY, len(CONTENT))
