"""Calls the console's application without a socket, as a server does."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import urlencode

from starlette.types import ASGIApp


@dataclass
class Answer:
    status: int
    headers: list[tuple[str, str]]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    def header(self, name: str) -> str:
        return next((value for key, value in self.headers if key == name), "")


@dataclass
class Visitor:
    """Keeps its cookies, as a browser does."""

    app: ASGIApp
    cookies: dict[str, str] = field(default_factory=dict)

    async def get(self, path: str, **headers: str) -> Answer:
        return await self.call("GET", path, None, headers)

    async def post(self, path: str, form: Mapping[str, str], **headers: str) -> Answer:
        return await self.call("POST", path, form, headers)

    async def call(
        self, method: str, path: str, form: Mapping[str, str] | None, headers: Mapping[str, str], scheme: str = "http"
    ) -> Answer:
        name, _, query = path.partition("?")
        body = urlencode(form or {}).encode()
        sent = {"host": "console.test", **{key.replace("_", "-"): value for key, value in headers.items()}}
        if form is not None:
            sent.setdefault("content-type", "application/x-www-form-urlencoded")
        if self.cookies:
            sent["cookie"] = "; ".join(f"{key}={value}" for key, value in self.cookies.items())
        scope: dict[str, Any] = {
            "type": "http", "http_version": "1.1", "method": method, "path": name, "raw_path": name.encode(),
            "query_string": query.encode(), "scheme": scheme, "root_path": "",
            "headers": [(key.encode(), value.encode()) for key, value in sent.items()],
            "client": ("127.0.0.1", 1), "server": ("console.test", 80),
        }  # fmt: skip
        started: dict[str, Any] = {}
        chunks: list[bytes] = []

        unread = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive() -> dict[str, Any]:
            if unread:
                return unread.pop()
            # The visitor stays.
            return await asyncio.Future()

        async def send(message: Any) -> None:
            if message["type"] == "http.response.start":
                started.update(message)
            else:
                chunks.append(message.get("body", b""))

        await self.app(scope, receive, send)
        answered = [(key.decode(), value.decode()) for key, value in started["headers"]]
        for value in (value for key, value in answered if key == "set-cookie"):
            self._keep(SimpleCookie(value))
        return Answer(started["status"], answered, b"".join(chunks))

    def _keep(self, sent: SimpleCookie) -> None:
        for name, cookie in sent.items():
            self.cookies.pop(name, None)
            if cookie["max-age"] != "0":
                self.cookies[name] = cookie.value
