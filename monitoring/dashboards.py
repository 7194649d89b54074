"""Builds the dashboards and writes them where Grafana's provisioning reads them."""

import json
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import Final

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard as models

from monitoring.grafana_panel import DATASOURCE, grafana_panel
from monitoring.http_api_panels import HTTP_API_ROWS
from monitoring.panel import Row
from monitoring.promql import series
from monitoring.rollout_panels import ROLLOUT_ROWS
from monitoring.worker_panels import WORKER_ROWS
from worker.observability import controller_metric_catalogue as controller

FOLDER: Final = Path(__file__).parents[1] / "deploy" / "grafana" / "dashboards"
"""The folder of the committed dashboards."""

_ROLL_BACKS: Final = series(controller.TRANSITIONS_MADE, kind="~stepped back|turned off|quarantined")
_ROLL_BACKS_MADE: Final = f"sum by (kind) (increase({_ROLL_BACKS}[1m])) > 0"


def build_dashboards() -> dict[str, str]:
    """Returns the JSON of each dashboard by its file name."""
    return {
        "http-api.json": _json(_dashboard("chirp-http-api", "Chirp HTTP API", HTTP_API_ROWS)),
        "rollout.json": _json(_dashboard("chirp-rollout", "Chirp rollout", ROLLOUT_ROWS)),
        "worker.json": _json(_dashboard("chirp-worker", "Chirp workers", WORKER_ROWS)),
    }


def write_dashboards(folder: Path = FOLDER) -> list[Path]:
    """Writes all dashboards and returns their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, text in build_dashboards().items():
        path = folder / name
        path.write_text(text, encoding="utf-8")
        paths.append(path)
    return paths


def _json(built: dashboard.Dashboard) -> str:
    return json.dumps(built.build(), cls=JSONEncoder, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def _dashboard(uid: str, title: str, rows: Sequence[Row]) -> dashboard.Dashboard:
    built = (
        dashboard.Dashboard(title)
        .uid(uid)
        .tags(["chirp-worker"])
        .description("Generated: change monitoring/ and run `make dashboards`.")
        .time("now-6h", "now")
        .refresh("30s")
        .timezone("browser")
        .tooltip(models.DashboardCursorSync.CROSSHAIR)
        .with_variable(dashboard.DatasourceVariable("datasource").label("Prometheus").type("prometheus"))
        # Filters all queries, also those that are the plan's word for word, by a label such as the namespace.
        .with_variable(dashboard.AdHocVariable("filters").label("Filters").datasource(DATASOURCE))
        .annotation(_annotation("Roll-backs by the controller", _ROLL_BACKS_MADE, "red"))
        .annotation(_annotation("Alerts", 'ALERTS{alertstate="firing"}', "orange"))
    )
    ids = count(1)
    for row in rows:
        built = built.with_row(dashboard.Row(row.title).id(next(ids)))
        for panel in row.panels:
            built = built.with_panel(grafana_panel(panel, row.width, next(ids)))
    return built


def _annotation(name: str, query: str, color: str) -> dashboard.AnnotationQuery:
    return dashboard.AnnotationQuery().name(name).datasource(DATASOURCE).expr(query).icon_color(color).enable(True)
