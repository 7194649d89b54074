"""Asks Prometheus the queries of a plan, each once a round."""

import asyncio
import math
from collections.abc import Collection, Mapping
from typing import Any, Final

import aiohttp

from worker.config.settings import without_credentials
from worker.rollout.analysis.evaluate import QueryResult

_SHOWN: Final = 3


class PrometheusClient:
    """Of one Prometheus.

    Args:
        session: of HTTP.
        url: such as `http://prometheus:9090`; None where none is set: each query is an error then.
        timeout_s: for one query.
    """

    def __init__(self, session: aiohttp.ClientSession, url: str | None, timeout_s: float) -> None:
        self._session = session
        self._url = url
        self._timeout = aiohttp.ClientTimeout(total=timeout_s)
        self._errors: dict[str, int] = {}

    async def ask(self, queries: Collection[str]) -> Mapping[str, QueryResult]:
        """Asks all of them at once; what goes wrong stands in the answer."""
        asked = sorted(set(queries))
        answers = await asyncio.gather(*map(self._ask, asked))
        told = {}
        for query, answer in zip(asked, answers, strict=True):
            value, error = answer
            self._errors[query] = self._errors.get(query, 0) + 1 if error else 0
            told[query] = QueryResult(value, error, self._errors[query])
        return told

    async def _ask(self, query: str) -> tuple[float | None, str | None]:
        if self._url is None:
            return None, "PROMETHEUS_URL is not set: nobody can be asked"
        try:
            async with self._session.get(
                f"{self._url.rstrip('/')}/api/v1/query", params={"query": query}, timeout=self._timeout
            ) as response:
                return value_of(await response.json(content_type=None))
        except TimeoutError:
            return None, f"Prometheus: no answer within {self._timeout.total:g} s"
        except (aiohttp.ClientError, ValueError) as error:
            return None, f"Prometheus: {type(error).__name__}: {without_credentials(str(error))}"[:300]


def value_of(document: Any) -> tuple[float | None, str | None]:
    """The one number of an answer, or what is wrong with it. No series, and NaN, is no data and no error.

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
