"""Asks Prometheus for what each panel of the dashboards shows over the demo, as Grafana would."""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from loadtest.stack.prometheus import INTERVAL_S, Prometheus, Series
from monitoring.panel import Panel, Query, Row
from monitoring.promql import RATE_INTERVAL
from monitoring.rollout_panels import ROLLOUT_ROWS
from monitoring.worker_panels import WORKER_ROWS

DASHBOARDS: Final[Mapping[str, Sequence[Row]]] = {"rollout": ROLLOUT_ROWS, "worker": WORKER_ROWS}
"""The rows of each dashboard by the name of its file."""
RATE_WINDOW_S: Final = 4 * INTERVAL_S
"""What Grafana puts for `$__rate_interval`: four scrapes.

Source: https://grafana.com/docs/grafana/latest/datasources/prometheus/template-variables/
"""

_LABEL: Final = re.compile(r"\{\{\s*(\w+)\s*\}\}")


@dataclass(frozen=True)
class Line:
    """A line of a panel: its query, its name in the legend, and its values by Unix time."""

    query: Query
    name: str
    series: Series


@dataclass(frozen=True)
class PanelData:
    """What a panel shows. Series without a single number are left out, as Grafana draws nothing for them."""

    dashboard: str
    row: Row
    panel: Panel
    lines: tuple[Line, ...]


def panel_query(expr: str) -> str:
    """Returns a panel's query with Grafana's variable filled in."""
    return expr.replace(RATE_INTERVAL, f"{RATE_WINDOW_S}s")


def line_name(legend: str, labels: Mapping[str, str]) -> str:
    """Returns the name of a line: Grafana's template with the labels filled in."""
    return " ".join(_LABEL.sub(lambda found: labels.get(found[1], ""), legend).split())


def has_numbers(series: Series) -> bool:
    """Whether a series has a value that can be drawn."""
    return any(math.isfinite(value) for _, value in series.points)


def fetch_panels(prometheus: Prometheus, begin: float, end: float) -> list[PanelData]:
    """Returns the data of all panels between two Unix times.

    Raises:
        OSError: Prometheus refuses a query or doesn't answer.
    """
    return [
        PanelData(dashboard, row, panel, tuple(_lines(prometheus, panel, begin, end)))
        for dashboard, rows in DASHBOARDS.items()
        for row in rows
        for panel in row.panels
    ]


def _lines(prometheus: Prometheus, panel: Panel, begin: float, end: float) -> Iterator[Line]:
    for query in panel.queries:
        for series in prometheus.query_range(panel_query(query.expr), begin, end, INTERVAL_S):
            if has_numbers(series):
                yield Line(query, line_name(query.legend, series.labels), series)


def panel_rows(found: Sequence[PanelData]) -> list[dict[str, object]]:
    """Returns a row for each panel: how many series it shows, and which of its queries gave none."""
    return [
        {
            "dashboard": each.dashboard,
            "row": each.row.title,
            "panel": each.panel.title,
            "series": len(each.lines) or "none",
            "queries without data": ", ".join(_without_data(each)),
        }
        for each in found
    ]


def _without_data(each: PanelData) -> list[str]:
    answered = {line.query for line in each.lines}
    return [query.legend for query in each.panel.queries if query not in answered]


def empty_panels(found: Sequence[PanelData]) -> list[str]:
    """Returns the titles of the panels that show nothing."""
    return [each.panel.title for each in found if not each.lines]
