"""Debian's Prometheus runs the shipped rules on local targets, and answers the queries of all panels."""

import asyncio
import time

from loadtest.rollout_demo.panel_data import DASHBOARDS, fetch_panels
from loadtest.rollout_demo.timeline import ALERTS, alert_changes
from loadtest.stack.ports import free_ports
from loadtest.stack.prometheus import prometheus_process
from tests.stack.deployment import program
from tests.until import HANG_S


async def test_alerts_of_the_shipped_rules_are_seen_as_they_change_and_no_panels_query_is_refused(tmp_path):
    program("prometheus")
    worker, controller = (f"127.0.0.1:{port}" for port in free_ports(2))
    with prometheus_process(tmp_path, {"chirp-worker": [worker], "chirp-controller": [controller]}) as prometheus:
        async with asyncio.timeout(HANG_S):
            while len(events := changes(prometheus)) < 2:
                await asyncio.sleep(0.2)
        rules = prometheus.rules()
        panels = fetch_panels(prometheus, prometheus.started_at, time.time())
    # Nobody listens at the two targets.
    assert {each.what for each in events} == {"WorkerMetricsAbsent pending", "ScrapeFails pending"}
    assert [rule.name for rule in rules if rule.error] == []
    assert {rule.for_s for rule in rules if rule.name == "WorkerMetricsAbsent"} == {300}
    assert len(panels) == sum(len(row.panels) for rows in DASHBOARDS.values() for row in rows)


def changes(prometheus):
    ended = time.time()
    return alert_changes(prometheus.query_range(ALERTS, prometheus.started_at, ended, 1), prometheus.started_at, ended)
