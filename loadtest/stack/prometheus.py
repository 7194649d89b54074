"""Starts Debian's Prometheus with the shipped configuration and rules, and queries it.

Only the targets and the two intervals differ from what is shipped: the stack's processes have other ports, and a demo
lasts minutes.
"""

import json
import shutil
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

import yaml

from loadtest.stack.local_stack import http_status
from loadtest.stack.ports import free_ports
from loadtest.stack.processes import Process, StackError

SHIPPED: Final = Path(__file__).parents[2] / "deploy" / "prometheus" / "prometheus.yml"
"""The configuration that is shipped; its rule files stand beside it."""
INTERVAL_S: Final = 1
"""Seconds between two scrapes, and between two evaluations of the rules."""

_TIMEOUT_S: Final = 30.0


@dataclass(frozen=True)
class Series:
    """A series of a range query: its labels, and its values by Unix time in seconds."""

    labels: Mapping[str, str]
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Rule:
    """A rule as Prometheus has loaded it; `for_s` is 0 for a recording rule, `error` empty if it can be evaluated."""

    name: str
    is_alert: bool
    for_s: float
    error: str


class Prometheus:
    """A running Prometheus.

    Args:
        address: of its HTTP server.
        started_at: the Unix time from which it has data.
    """

    def __init__(self, address: str, started_at: float) -> None:
        self._address = address
        self.started_at = started_at

    def query_range(self, query: str, begin: float, end: float, step_s: float) -> list[Series]:
        """Returns the values of a query between two Unix times.

        Raises:
            OSError: Prometheus refuses the query or doesn't answer.
        """
        found = self._get("query_range", query=query, start=begin, end=end, step=step_s)
        return [
            Series(each["metric"], tuple((at, float(value)) for at, value in each["values"]))
            for each in found["result"]
        ]

    def rules(self) -> list[Rule]:
        """Returns all rules that it has loaded.

        Raises:
            OSError: Prometheus doesn't answer.
        """
        return [
            Rule(rule["name"], rule["type"] == "alerting", rule.get("duration", 0.0), rule.get("lastError", ""))
            for group in self._get("rules")["groups"]
            for rule in group["rules"]
        ]

    def _get(self, path: str, **parameters: object) -> Any:
        url = f"{self._address}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        with urllib.request.urlopen(url, timeout=_TIMEOUT_S) as answer:  # loopback
            return json.load(answer)["data"]


def find_prometheus() -> str:
    """Returns the path of the program.

    Raises:
        StackError: it isn't installed.
    """
    program = shutil.which("prometheus")
    if program is None:
        raise StackError("Prometheus is not installed: `apt-get install prometheus` on Debian, or put it into PATH.")
    return program


def local_configuration(
    shipped: Mapping[str, Any], targets: Mapping[str, Sequence[str]], folder: Path
) -> dict[str, Any]:
    """Returns the shipped configuration with other targets, a second's intervals, and no Alertmanager.

    A job that finds its targets by a name of Compose's network is left out.

    Args:
        targets: `host:port` of the processes, by the name of their scrape job.
        folder: of the shipped configuration, from which its rule files are named.

    Raises:
        ValueError: the jobs are not those of the shipped configuration.
    """
    jobs = [job for job in shipped["scrape_configs"] if "static_configs" in job]
    if (names := {job["job_name"] for job in jobs}) != set(targets):
        raise ValueError(f"the shipped configuration scrapes {sorted(names)}, the targets are of {sorted(targets)}")
    every = f"{INTERVAL_S}s"
    return {
        "global": {**shipped["global"], "scrape_interval": every, "evaluation_interval": every},
        "rule_files": [str(folder / each) for each in shipped["rule_files"]],
        "scrape_configs": [{**job, "static_configs": [{"targets": list(targets[job["job_name"]])}]} for job in jobs],
    }


@contextmanager
def prometheus_process(folder: Path, targets: Mapping[str, Sequence[str]]) -> Iterator[Prometheus]:
    """Starts Prometheus on a free port and waits until it is ready.

    Args:
        folder: for its configuration, data and log.
        targets: `host:port` of the processes, by the name of their scrape job.

    Raises:
        StackError: it isn't installed, or didn't start.
    """
    program = find_prometheus()
    shipped = yaml.safe_load(SHIPPED.read_text(encoding="utf-8"))
    file = folder / "prometheus.yml"
    file.write_text(yaml.safe_dump(local_configuration(shipped, targets, SHIPPED.parent)), encoding="utf-8")
    (port,) = free_ports(1)
    address = f"http://127.0.0.1:{port}"
    command = [
        program,
        f"--config.file={file}",
        f"--storage.tsdb.path={folder / 'prometheus'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    started_at = time.time()
    process = Process("prometheus", command, folder / "prometheus.log")
    try:
        process.wait_until(lambda: http_status(f"{address}/-/ready") == HTTPStatus.OK)
        yield Prometheus(address, started_at)
    finally:
        process.stop()
