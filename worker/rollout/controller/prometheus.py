"""Runs the PromQL queries of a plan against Prometheus, each once a round."""

import asyncio
import math
from collections.abc import Collection, Mapping
from typing import Any, Final

import aiohttp

from worker.config.settings import mask_secrets
from worker.rollout.analysis.evaluate_query import QueryResult

_SHOWN: Final = 3


class PrometheusClient:
    """A client of one Prometheus server.

    Args:
        url: such as `http://prometheus:9090`; None if it is not set: then each query is an error.
        timeout_s: of one query.
    """

    def __init__(self, session: aiohttp.ClientSession, url: str | None, timeout_s: float) -> None:
        self._session = session
        self._url = url
        self._timeout = aiohttp.ClientTimeout(total=timeout_s)
        self._errors: dict[str, int] = {}

    async def run_queries(self, queries: Collection[str]) -> Mapping[str, QueryResult]:
        """Runs all queries side by side. A failure is reported in the query's answer, not raised."""
        unique = sorted(set(queries))
        results = await asyncio.gather(*map(self._run, unique))
        answers = {}
        for query, (value, error) in zip(unique, results, strict=True):
            self._errors[query] = self._errors.get(query, 0) + 1 if error else 0
            answers[query] = QueryResult(value, error, self._errors[query])
        return answers

    async def _run(self, query: str) -> tuple[float | None, str | None]:
        if self._url is None:
            return None, "PROMETHEUS_URL is not set: the query can't run"
        try:
            async with self._session.get(
                f"{self._url.rstrip('/')}/api/v1/query", params={"query": query}, timeout=self._timeout
            ) as response:
                return parse_answer(await response.json(content_type=None))
        except TimeoutError:
            return None, f"Prometheus: no answer within {self._timeout.total:g} s"
        except (aiohttp.ClientError, ValueError) as error:
            return None, f"Prometheus: {type(error).__name__}: {mask_secrets(str(error))}"[:300]


def parse_answer(document: Any) -> tuple[float | None, str | None]:
    """The single number of an answer, or an error message. No series, and NaN, mean no data; they are no error.

    Args:
        document: the JSON of Prometheus's `/api/v1/query`.
    """
    try:
        if document["status"] != "success":
            return None, f"Prometheus: {document.get('errorType')}: {document.get('error')}"[:300]
        kind, result = document["data"]["resultType"], document["data"]["result"]
        if kind == "scalar":
            return _finite(result[1]), None
        if kind != "vector":
            return None, f"the query gives a {kind}; it must give one number now"
        if len(result) > 1:
            some = ", ".join(str(each["metric"]) for each in result[:_SHOWN])
            return None, f"the query gives {len(result)} series ({some}, …); it must give one: sum() them"
        return (_finite(result[0]["value"][1]) if result else None), None
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        return None, f"Prometheus: an answer that can't be read ({type(error).__name__})"


def _finite(text: str) -> float | None:
    value = float(text)
    return value if math.isfinite(value) else None
