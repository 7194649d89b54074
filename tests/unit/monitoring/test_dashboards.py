"""Grafana's dashboards are what the builder makes, have the plan's panels, and name nothing outside the catalogue."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
import yaml

from monitoring.dashboards import FOLDER, build_dashboards
from tests.stack.deployment import program
from tests.unit.monitoring.queries import (
    A_SERIES,
    DASHBOARDS,
    DEFINITIONS,
    DEPLOY,
    panel_queries,
    panels,
    rules,
    series_names,
    series_of,
)

# The plan's panels with its queries, as it writes them; it writes none for the last three.
PLAN = [
    (
        "Success rate trend",
        'sum(rate(tts_synthesis_total{status="success"}[5m])) / sum(rate(tts_synthesis_total[5m])) * 100',
    ),
    (
        "Mean synthesis time, Chirp against WaveNet",
        "rate(tts_synthesis_duration_seconds_sum[5m]) / rate(tts_synthesis_duration_seconds_count[5m])",
    ),
    (
        "Fallback rate trend",
        'sum(rate(tts_chirp3_fallback_total[5m])) / sum(rate(tts_synthesis_total{voice_model="chirp3-hd"}[5m])) * 100',
    ),
    ("Use by character", None),
    ("Error rate trend", None),
    ("Cache hit rate", None),
]
PLAN_BY_MODEL = "sum(rate(tts_synthesis_total[5m])) by (voice_model)"


def test_the_committed_dashboards_are_what_the_builder_makes() -> None:
    committed = {path.name: path.read_text(encoding="utf-8") for path in DASHBOARDS}
    assert committed == build_dashboards(), "run `make dashboards`"


def test_the_plans_six_panels_come_first_by_their_names_with_its_queries_word_for_word() -> None:
    first = list(panels(FOLDER / "rollout.json"))[:6]
    assert [panel["title"] for panel in first] == [title for title, _ in PLAN]
    for panel, (_, query) in zip(first, PLAN, strict=True):
        assert query is None or panel["targets"][0]["expr"] == query
    assert ("Use by voice model", PLAN_BY_MODEL) in panel_queries(FOLDER / "rollout.json")


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.name)
def test_a_dashboard_names_only_series_of_the_catalogue(path: Path) -> None:
    named = {name for _, query in panel_queries(path) for name in A_SERIES.findall(query)}
    assert named
    assert named - series_names() == set()


def test_every_metric_is_on_a_dashboard_or_in_a_rule() -> None:
    queries = [query for path in DASHBOARDS for _, query in panel_queries(path)]
    queries += [rule["expr"] for kind in ("alert", "record") for rule in rules(kind)]
    shown = {name for query in queries for name in A_SERIES.findall(query)}
    assert [each.name for each in DEFINITIONS if not series_of(each) & shown] == []


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.name)
def test_panels_have_a_text_an_own_id_and_a_place_of_their_own(path: Path) -> None:
    shown = json.loads(path.read_text(encoding="utf-8"))["panels"]
    assert len({panel["id"] for panel in shown}) == len(shown)
    cells = [
        (x, y)
        for place in (panel["gridPos"] for panel in shown)
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(set(cells)) == len(cells), "panels overlap"
    assert max(x for x, _ in cells) < 24
    assert [panel["title"] for panel in panels(path) if not panel.get("description")] == []


def test_prometheus_parses_every_query_of_the_dashboards(tmp_path: Path) -> None:
    queries = [query for path in DASHBOARDS for _, query in panel_queries(path)]
    annotations = [
        each["expr"]
        for path in DASHBOARDS
        for each in json.loads(path.read_text(encoding="utf-8"))["annotations"]["list"]
    ]
    assert len(annotations) == 2 * len(DASHBOARDS)
    recorded = [
        {"record": f"panel:query_{number}", "expr": query.replace("$__rate_interval", "1m")}
        for number, query in enumerate([*queries, *annotations])
    ]
    path = tmp_path / "queries.yaml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": recorded}]}), encoding="utf-8")
    ended = subprocess.run(
        [program("promtool"), "check", "rules", str(path)], check=False, capture_output=True, text=True
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert f"{len(recorded)} rules found" in ended.stdout


def test_grafanas_provisioning_names_the_datasource_and_the_folder() -> None:
    provisioning = DEPLOY / "grafana" / "provisioning"
    sources = yaml.safe_load((provisioning / "datasources" / "prometheus.yaml").read_text(encoding="utf-8"))
    assert [(each["type"], each["isDefault"]) for each in sources["datasources"]] == [("prometheus", True)]
    providers = yaml.safe_load((provisioning / "dashboards" / "chirp-worker.yaml").read_text(encoding="utf-8"))
    assert [each["type"] for each in providers["providers"]] == ["file"]
