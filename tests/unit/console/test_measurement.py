"""Requests of the console are counted by the templates of its routes, also those that are refused or crash."""

from __future__ import annotations

from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from starlette.applications import Starlette
from starlette.routing import Route

from tests.unit.console.web.consoles import console_parts
from worker.console.measurement import MeasureRequests
from worker.console.metrics import HttpApiMetrics
from worker.console.web.app import create_console
from worker.lifecycle.clock import Clock


class Measured:
    def __init__(self, app: Any) -> None:
        self.metrics = HttpApiMetrics(CollectorRegistry())
        self._now = 0.0
        self.app = MeasureRequests(app, self.metrics, Clock(monotonic=self._tick))

    def _tick(self) -> float:
        self._now += 0.5
        return self._now

    async def request(self, method: str, path: str) -> None:
        messages = iter([{"type": "http.request", "body": b""}])

        async def receive() -> Any:
            return next(messages, {"type": "http.disconnect"})

        async def send(_message: Any) -> None:
            pass

        scope = {
            "type": "http", "method": method, "path": path, "raw_path": path.encode(), "query_string": b"",
            "headers": [(b"host", b"localhost")], "scheme": "http", "server": ("localhost", 80), "root_path": "",
        }  # fmt: skip
        await self.app(scope, receive, send)

    def counted(self) -> dict[tuple[str, ...], float]:
        return {
            tuple(sample.labels[name] for name in ("route", "method", "status")): sample.value
            for family in self.metrics.registry.collect()
            for sample in family.samples
            if sample.name == "tts_http_requests_total"
        }


async def test_pages_are_counted_by_their_templates_and_what_isnt_there_as_other() -> None:
    measured = Measured(create_console(console_parts()))
    for method, path in (
        ("GET", "/login"), ("GET", "/rollout"), ("POST", "/rollout/off"), ("GET", "/dead-letters/ab12"),
        ("GET", "/dead-letters/cd34"), ("GET", "/static/icon.svg"), ("GET", "/static/none"), ("GET", "/wp-admin"),
    ):  # fmt: skip
        await measured.request(method, path)
    assert measured.counted() == {
        ("/login", "GET", "2xx"): 1,
        ("/rollout", "GET", "3xx"): 1,
        ("/rollout/off", "POST", "4xx"): 1,
        ("/dead-letters/{letter_id}", "GET", "3xx"): 2,
        ("/static", "GET", "2xx"): 1,
        ("/static", "GET", "4xx"): 1,
        ("other", "GET", "4xx"): 1,
    }
    name, labels = "tts_http_request_duration_seconds_sum", {"route": "/login", "method": "GET"}
    assert measured.metrics.registry.get_sample_value(name, labels) == 0.5


async def test_a_request_that_crashes_is_counted_as_5xx() -> None:
    async def crash(_request: Any) -> Any:
        raise RuntimeError("unforeseen")

    measured = Measured(Starlette(routes=[Route("/crash", crash)]))
    with pytest.raises(RuntimeError):
        await measured.request("GET", "/crash")
    assert measured.counted() == {("/crash", "GET", "5xx"): 1}
