"""Each query runs once a round: one finite number, nothing, or what is wrong, and how often in a row."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.unit.loop_clock import NEVER_S, LoopClock
from worker.rollout.analysis.evaluate_query import QueryResult
from worker.rollout.controller.prometheus import PrometheusClient, parse_answer


def answer(kind: str, result: Any) -> dict[str, Any]:
    return {"status": "success", "data": {"resultType": kind, "result": result}}


def vector(*values: str) -> dict[str, Any]:
    return answer("vector", [{"metric": {"n": f"{n}"}, "value": [1, value]} for n, value in enumerate(values)])


@pytest.mark.parametrize("document", [vector("0.25"), answer("scalar", [1, "0.25"])])
def test_one_series_and_a_scalar_are_a_number(document: Any) -> None:
    assert parse_answer(document) == (0.25, None)


@pytest.mark.parametrize(
    "document", [vector(), vector("NaN"), vector("+Inf"), answer("scalar", [1, "NaN"]), vector("-Inf")]
)
def test_no_series_and_no_finite_number_are_no_data_and_no_error(document: Any) -> None:
    assert parse_answer(document) == (None, None)


def test_several_series_are_an_error_that_names_some_and_says_what_to_write() -> None:
    value, error = parse_answer(vector("1", "2", "3", "4"))
    assert value is None
    assert error is not None
    assert error.startswith("the query gives 4 series ({'n': '0'}")
    assert error.endswith("it must give one: sum() them")


@pytest.mark.parametrize(
    ("document", "says"),
    [
        (answer("matrix", []), "the query gives a matrix"),
        ({"status": "error", "errorType": "bad_data", "error": "parse error"}, "Prometheus: bad_data: parse error"),
        *((rubbish, "can't be read") for rubbish in (None, [], "ok", 1, {}, {"status": "success"}, vector("many"))),
        *((answer("vector", rubbish), "can't be read") for rubbish in (None, [{}], [{"value": []}])),
    ],
)
def test_any_other_answer_is_an_error(document: Any, says: str) -> None:
    value, error = parse_answer(document)
    assert value is None
    assert error is not None
    assert says in error


class Prometheus:
    """Answers by the query's text, over HTTP."""

    def __init__(self) -> None:
        self.received: Counter[str] = Counter()
        self.url = ""
        self.together = asyncio.Barrier(1)
        """How many queries are answered together, none before all of them have come."""
        self.ended = asyncio.Event()

    async def answer(self, request: web.Request) -> web.Response:
        query = request.query["query"]
        self.received[query] += 1
        if query == "slow":
            await self.ended.wait()
        await self.together.wait()
        if query == "broken":
            body = {"status": "error", "errorType": "bad_data", "error": "parse error"}
            return web.json_response(body, status=400)
        if query == "page":
            return web.Response(status=503, text="<html>", content_type="text/html")
        return web.json_response(vector("1", "2") if query == "two" else vector("1"))


@pytest.fixture
async def prometheus() -> AsyncIterator[Prometheus]:
    made = Prometheus()
    app = web.Application()
    app.add_routes([web.get("/api/v1/query", made.answer)])
    server = TestServer(app)
    await server.start_server()
    made.url = str(server.make_url("/"))
    yield made
    made.ended.set()
    await server.close()


async def results(
    url: str | None, *rounds: set[str], timeout_s: float = 60.0, traces: Sequence[aiohttp.TraceConfig] = ()
) -> list[dict[str, QueryResult]]:
    async with aiohttp.ClientSession(trace_configs=[*traces]) as session:
        queries = PrometheusClient(session, url, timeout_s)
        return [dict(await queries.run_queries(each)) for each in rounds]


async def test_all_queries_of_a_round_run_at_once_and_each_once(prometheus: Prometheus) -> None:
    prometheus.together = asyncio.Barrier(3)
    (answers,) = await results(prometheus.url, {"a", "b", "two"})
    assert answers["a"] == answers["b"] == QueryResult(1.0, None, 0)
    assert answers["two"].value is None
    assert prometheus.received == {"a": 1, "b": 1, "two": 1}


async def test_errors_are_reported_in_the_answer_of_their_query(prometheus: Prometheus) -> None:
    clock = LoopClock()
    answered = 0

    async def pass_the_deadline_after_the_last(*_: Any) -> None:
        nonlocal answered
        answered += 1
        if answered == 3:
            clock.skip(NEVER_S + 1)

    trace = aiohttp.TraceConfig()
    trace.on_response_chunk_received.append(pass_the_deadline_after_the_last)
    queries = {"a", "broken", "page", "slow"}
    (answers,) = await results(prometheus.url, queries, timeout_s=NEVER_S, traces=[trace])
    assert answers["a"] == QueryResult(1.0, None, 0)
    assert answers["broken"].error == "Prometheus: bad_data: parse error"
    assert (answers["page"].error or "").startswith("Prometheus: JSONDecodeError")
    assert answers["slow"].error == "Prometheus: no answer within 3600 s"


async def test_consecutive_errors_are_counted_and_a_good_answer_ends_them(prometheus: Prometheus) -> None:
    async with aiohttp.ClientSession() as session:
        queries = PrometheusClient(session, prometheus.url, 60.0)
        rows = [(await queries.run_queries({"two", "a"}))["two"].consecutive_errors for _ in range(3)]
        assert rows == [1, 2, 3]
        await queries.run_queries({"a"})
        assert (await queries.run_queries({"two"}))["two"].consecutive_errors == 4


async def test_a_prometheus_that_is_down_or_isnt_set_is_an_error_of_each_query() -> None:
    (down,) = await results("http://127.0.0.1:1", {"a"})
    assert down["a"].value is None
    assert "ClientConnectorError" in (down["a"].error or "")
    (wrong,) = await results("http://anna:hunter2@prometheus:99999", {"a"})
    assert "hunter2" not in (wrong["a"].error or "hunter2")
    (unset,) = await results(None, {"a"})
    assert unset["a"] == QueryResult(None, "PROMETHEUS_URL is not set: the query can't run", 1)
    assert await results(None, set()) == [{}]
