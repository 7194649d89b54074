"""Panels are asked as Grafana asks for them, and drawn by what Prometheus answers."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from loadtest.rollout_demo.panel_data import (
    DASHBOARDS,
    Line,
    PanelData,
    empty_panels,
    has_numbers,
    line_name,
    panel_query,
    panel_rows,
)
from loadtest.rollout_demo.panel_pictures import load_renderer
from loadtest.rollout_demo.panel_plots import UNITS
from loadtest.stack.prometheus import Series
from monitoring.panel import Panel, Query, Row

PANELS = [panel for rows in DASHBOARDS.values() for row in rows for panel in row.panels]


def data(panel: Panel, *labels: dict[str, str]) -> PanelData:
    lines = tuple(
        Line(query, line_name(query.legend, each), Series(each, ((100.0, 1.0), (101.0, 2.0))))
        for query in panel.queries
        for each in labels
    )
    return PanelData("rollout", Row("Google's panels", (panel,)), panel, lines)


def test_no_query_keeps_grafanas_variable() -> None:
    assert panel_query("rate(a[$__rate_interval])") == "rate(a[4s])"
    assert not [query.expr for panel in PANELS for query in panel.queries if "$" in panel_query(query.expr)]


def test_a_line_is_named_by_its_labels_and_a_missing_one_leaves_no_gap() -> None:
    assert line_name("{{lane}} {{ code }} sent", {"lane": "batch", "code": "OK"}) == "batch OK sent"
    assert line_name("{{use}} {{character}} 5m", {"use": "gate"}) == "gate 5m"


def test_a_series_without_a_number_shows_nothing() -> None:
    assert not has_numbers(Series({}, ((1.0, math.nan), (2.0, math.inf))))
    assert has_numbers(Series({}, ((1.0, math.nan), (2.0, 0.0))))


def test_empty_panels_are_named_and_counted_as_such() -> None:
    full, empty = data(Panel("Lag", "", (Query("a", ""),)), {}), data(Panel("Age", "", (Query("b", ""),)))
    assert empty_panels([full, empty]) == ["Age"]
    assert [(row["panel"], row["series"]) for row in panel_rows([full, empty])] == [("Lag", 1), ("Age", "none")]


def test_a_query_without_data_is_named_beside_those_that_have_some() -> None:
    sent, limit = Query("a", "sent"), Query("b", "{{lane}} limit")
    found = data(Panel("Quota", "", (sent,)), {})
    both = PanelData(found.dashboard, found.row, Panel("Quota", "", (sent, limit)), found.lines)
    assert [row["queries without data"] for row in panel_rows([both])] == ["{{lane}} limit"]
    assert empty_panels([both]) == []


def test_every_unit_of_the_panels_has_its_form_in_the_pictures() -> None:
    assert {panel.unit for panel in PANELS} <= set(UNITS)


@pytest.mark.parametrize("kind", ["lines", "stacked", "heatmap", "table", "states"])
def test_a_picture_is_drawn_for_each_row(tmp_path: Path, kind: str) -> None:
    queries = (Query("a", "{{le}}"), Query("b", "limit"))[: 1 if kind == "heatmap" else 2]
    panel = Panel("A", "", queries, kind="lines" if kind == "stacked" else kind, stacked=kind == "stacked")  # type: ignore[arg-type]
    (picture,) = load_renderer()([data(panel, {"le": "1"}, {"le": "+Inf"})], 100.0, tmp_path)
    assert picture.name == "01-rollout-googles-panels.png"
    assert picture.read_bytes().startswith(b"\x89PNG")
