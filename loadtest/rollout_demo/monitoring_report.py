"""What Prometheus saw of the demo: its alerts beside the rollout's revisions, and the dashboards' panels."""

import asyncio
import time
from pathlib import Path
from typing import Final

from rich.console import Console

from loadtest.demo.run import DemoFailedError
from loadtest.rollout_demo.panel_data import empty_panels, fetch_panels, panel_rows
from loadtest.rollout_demo.panel_pictures import load_renderer
from loadtest.rollout_demo.timeline import ALERTS, alert_changes, event_rows, revision_changes, summary
from loadtest.stack.prometheus import INTERVAL_S, Prometheus, find_prometheus
from schemas.revision import Revision
from worker.cli.terminal import table_of
from worker.config.sections import KafkaSettings
from worker.lifecycle.clock import Clock
from worker.rollout.log.reader import open_log

_HEAD: Final = (
    "What Prometheus saw; it scraped and evaluated every second. The rules are as shipped: they look at minutes and "
    "hours while the plan's days last seconds, so an alert that wants a limit passed for 5 minutes is pending here."
)


class MonitoringReport:
    """Reports on a demo beside which Prometheus runs.

    Args:
        console: shows the report.
        folder: for the panels' pictures.

    Raises:
        StackError: Prometheus or matplotlib isn't installed.
    """

    def __init__(self, console: Console, folder: Path) -> None:
        find_prometheus()
        self._draw = load_renderer()
        self._console = console
        self._folder = folder

    async def show(self, prometheus: Prometheus, kafka: KafkaSettings) -> None:
        """Prints the tables and draws the panels; the start of Prometheus is their second 0.

        Raises:
            DemoFailedError: a rule can't be evaluated, or a panel is empty.
        """
        async with open_log(kafka, Clock()) as log:
            await log.read_to_end()
        await asyncio.to_thread(self._show, prometheus, log.revisions.accepted)

    def _show(self, prometheus: Prometheus, revisions: list[Revision]) -> None:
        began, ended = prometheus.started_at, time.time()
        alerts = prometheus.query_range(ALERTS, began, ended, INTERVAL_S)
        events = [*alert_changes(alerts, began, ended), *revision_changes(revisions, began)]
        self._say(f"\n{_HEAD}\n")
        self._console.print(table_of(event_rows(events), self._console.width))
        rules = prometheus.rules()
        self._say(f"\n{summary(rules, alerts)}\n")
        panels = fetch_panels(prometheus, began, ended)
        self._console.print(table_of(panel_rows(panels), self._console.width))
        for path in self._draw(panels, began, self._folder):
            self._say(str(path))
        problems = [f"the rule {rule.name} can't be evaluated: {rule.error}" for rule in rules if rule.error]
        problems += [f"the panel {title!r} is empty" for title in empty_panels(panels)]
        if problems:
            raise DemoFailedError("; ".join(problems))

    def _say(self, text: str) -> None:
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)
