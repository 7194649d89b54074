"""Reads a worker's counters from its `/metrics`, and computes their increase."""

from collections.abc import Mapping
from dataclasses import dataclass

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

Series = tuple[str, frozenset[tuple[str, str]]]


@dataclass(frozen=True)
class Counters:
    """The samples of one scrape, or the difference of two."""

    samples: Mapping[Series, float]

    @classmethod
    def parse(cls, text: str) -> "Counters":
        """Parses Prometheus' text format."""
        samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
        return cls({(sample.name, frozenset(sample.labels.items())): sample.value for sample in samples})

    def since(self, before: "Counters") -> "Counters":
        """Returns the increase of each counter."""
        return Counters({series: value - before.samples.get(series, 0.0) for series, value in self.samples.items()})

    def total(self, name: str, **labels: str) -> float:
        """Returns the sum over all series with this name and these labels."""
        return sum(
            value
            for (series, has), value in self.samples.items()
            if series == name and all(item in has for item in labels.items())
        )


async def scrape(address: str) -> Counters:
    """Scrapes the worker at `address`."""
    async with aiohttp.ClientSession(raise_for_status=True) as session, session.get(f"{address}/metrics") as answer:
        return Counters.parse(await answer.text())
