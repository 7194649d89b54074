"""A small stand-in for an S3-compatible store on loopback: it refuses what a test wants refused."""

from __future__ import annotations

import asyncio
import hashlib
import threading
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator


@dataclass(frozen=True)
class Refusal:
    """An answer with a status, and with S3's error document unless it has no code."""

    status: int
    code: str = ""
    message: str = "as the test wants it"


QUOTA = Refusal(403, "QuotaExceeded", "The bucket's quota is used up.")


@dataclass
class Stored:
    body: bytes
    headers: dict[str, str]


@dataclass
class Standin:
    """The store.

    Attributes:
        refused: what each method is refused with; `HEAD` and `PUT` are of objects, `BUCKET` is HEAD of the bucket.
        refuses_key: a key that is refused with `QUOTA` by PUT, whatever else works.
        room: how many bytes an object may have; None for no limit.
        accepted_keys: the ids of access keys that are valid; None for any.
        conditional: the status of a conditional PUT of a key that is taken.
        may_remove: whether DELETE is allowed.
        has_etags: whether the answer to PUT has one.
        instead: answers in the store's place; None for the store itself.
        silent: methods that are answered once they are no longer in this set.
        on_silence: called with each request that is not answered yet.
        requests: method, key and size of each request.
    """

    refused: dict[str, Refusal] = field(default_factory=dict)
    refuses_key: Callable[[str], bool] = lambda _: False
    room: int | None = None
    accepted_keys: set[str] | None = None
    conditional: int = 412
    may_remove: bool = True
    has_etags: bool = True
    instead: Callable[[web.Request], web.Response] | None = None
    silent: set[str] = field(default_factory=set)
    on_silence: Callable[[], None] = lambda: None
    objects: dict[str, Stored] = field(default_factory=dict)
    requests: list[tuple[str, str, int]] = field(default_factory=list)
    address: str = ""

    async def answer(self, request: web.Request) -> web.Response:
        _, _, key = request.path.lstrip("/").partition("/")
        body = await request.read()
        if self.instead is not None:
            return self.instead(request)
        step = request.method if key else {"HEAD": "BUCKET"}.get(request.method, "LIST")
        self.requests.append((step, key, len(body)))
        if step in self.silent:
            self.on_silence()
        while step in self.silent:
            await asyncio.sleep(0.01)
        refusal = self._key_refusal(request) or self.refused.get(step)
        if refusal is not None:
            return _refused(refusal, step)
        if step == "PUT":
            return self._put(key, body, request)
        if step == "DELETE":
            return self._delete(key)
        if key:
            return self._get(key, step)
        return web.Response(text='<?xml version="1.0"?><ListBucketResult/>', content_type="application/xml")

    def _key_refusal(self, request: web.Request) -> Refusal | None:
        if self.accepted_keys is None:
            return None
        signed = request.headers.get("Authorization", "")
        if any(f"Credential={each}/" in signed for each in self.accepted_keys):
            return None
        return Refusal(403, "InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records.")

    def _put(self, key: str, body: bytes, request: web.Request) -> web.Response:
        if self.refuses_key(key) or (self.room is not None and len(body) > self.room):
            return _refused(QUOTA, "PUT")
        if request.headers.get("If-None-Match") == "*" and key in self.objects:
            # 304 has no body.
            return _refused(Refusal(self.conditional, "PreconditionFailed" if self.conditional == 412 else ""), "PUT")
        self.objects[key] = Stored(body, dict(request.headers))
        return web.Response(headers={"ETag": f'"{hashlib.sha256(body).hexdigest()}"'} if self.has_etags else None)

    def _delete(self, key: str) -> web.Response:
        if not self.may_remove:
            return _refused(Refusal(403, "AccessDenied"), "DELETE")
        self.objects.pop(key, None)
        return web.Response(status=204)

    def _get(self, key: str, step: str) -> web.Response:
        found = self.objects.get(key)
        if found is None:
            return _refused(Refusal(404, "NoSuchKey"), step)
        meta = {name: value for name, value in found.headers.items() if name.lower().startswith("x-amz-meta-")}
        return web.Response(body=found.body, headers=meta)

    @property
    def takes(self) -> list[str]:
        """The keys that are no probe's."""
        return [key for key in self.objects if "/.probe-" not in key]

    def count(self, step: str, *, probes: bool) -> int:
        return sum(each == step and ("/.probe-" in key) is probes for each, key, _ in self.requests)


def _refused(refusal: Refusal, step: str) -> web.Response:
    if not refusal.code or step in {"HEAD", "BUCKET"}:
        return web.Response(status=refusal.status)
    text = f"<Error><Code>{refusal.code}</Code><Message>{refusal.message}</Message></Error>"
    return web.Response(status=refusal.status, text=text, content_type="application/xml")


@asynccontextmanager
async def s3_standin() -> AsyncIterator[Standin]:
    """Runs the stand-in on a free port of loopback."""
    standin = Standin()
    app = web.Application(client_max_size=2**28)
    app.router.add_route("*", "/{tail:.*}", standin.answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        standin.address = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield standin
    finally:
        await runner.cleanup()


@contextmanager
def s3_standin_beside() -> Iterator[Standin]:
    """Runs the stand-in in a loop of its own: a test's loop blocks while a worker starts."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    running = s3_standin()
    try:
        yield asyncio.run_coroutine_threadsafe(running.__aenter__(), loop).result(10)
        asyncio.run_coroutine_threadsafe(running.__aexit__(None, None, None), loop).result(10)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
