"""The queries of the committed dashboards and rules, and the names of the series that the catalogue has."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from worker.observability.controller_metric_catalogue import ALL_CONTROLLER_METRICS
from worker.observability.http_api_metric_catalogue import ALL_HTTP_API_METRICS
from worker.observability.metric_catalogue import ALL_METRICS
from worker.observability.metric_definition import CounterDefinition, Definition, HistogramDefinition
from worker.observability.process_metric_catalogue import ALL_PROCESS_METRICS

DEPLOY = Path(__file__).parents[3] / "deploy"
DASHBOARDS = sorted((DEPLOY / "grafana" / "dashboards").glob("*.json"))
RULES = sorted((DEPLOY / "prometheus" / "rules").glob("*.yaml"))
DEFINITIONS: tuple[Definition, ...] = (
    *ALL_METRICS,
    *ALL_CONTROLLER_METRICS,
    *ALL_HTTP_API_METRICS,
    *ALL_PROCESS_METRICS,
)
A_SERIES = re.compile(r"\btts_\w+")


def series_of(definition: Definition) -> set[str]:
    """The names under which a metric has series."""
    match definition:
        case CounterDefinition():
            return {f"{definition.name}_total"}
        case HistogramDefinition():
            return {f"{definition.name}_{part}" for part in ("bucket", "sum", "count")}
        case _:
            return {definition.name}


def series_names() -> set[str]:
    """Every name under which a metric of the catalogue has series."""
    return {name for definition in DEFINITIONS for name in series_of(definition)}


def panels(path: Path) -> Iterator[dict[str, Any]]:
    """All panels of a dashboard that show data."""
    for panel in json.loads(path.read_text(encoding="utf-8"))["panels"]:
        if panel["type"] != "row":
            yield panel


def panel_queries(path: Path) -> Iterator[tuple[str, str]]:
    """The title and the query of each target of a dashboard."""
    for panel in panels(path):
        for target in panel["targets"]:
            yield panel["title"], target["expr"]


def rules(kind: str) -> list[dict[str, Any]]:
    """All rules of a kind: `alert` or `record`."""
    return [
        rule
        for path in RULES
        for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]
        for rule in group["rules"]
        if kind in rule
    ]
