"""The local Prometheus differs from the shipped configuration in targets and intervals alone."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from loadtest.stack import prometheus
from loadtest.stack.processes import StackError
from loadtest.stack.prometheus import SHIPPED, find_prometheus, local_configuration

CONFIGURATION = yaml.safe_load(SHIPPED.read_text(encoding="utf-8"))
TARGETS = {"chirp-worker": ["127.0.0.1:1"], "chirp-controller": ["127.0.0.1:2"]}


def test_the_jobs_keep_their_names_and_get_the_local_targets() -> None:
    jobs = local_configuration(CONFIGURATION, TARGETS, SHIPPED.parent)["scrape_configs"]
    assert {job["job_name"]: job["static_configs"] for job in jobs} == {
        "chirp-worker": [{"targets": ["127.0.0.1:1"]}],
        "chirp-controller": [{"targets": ["127.0.0.1:2"]}],
    }


def test_what_a_job_says_beside_its_targets_stays() -> None:
    shipped = {
        **CONFIGURATION,
        "scrape_configs": [{"job_name": "a", "scheme": "https", "static_configs": [{"targets": ["b:1"]}]}],
    }
    (job,) = local_configuration(shipped, {"a": ["c:2"]}, SHIPPED.parent)["scrape_configs"]
    assert job == {"job_name": "a", "scheme": "https", "static_configs": [{"targets": ["c:2"]}]}


def test_a_job_that_finds_its_targets_by_a_name_of_another_network_is_left_out() -> None:
    by_name = {"job_name": "console", "dns_sd_configs": [{"names": ["console"], "type": "A", "port": 8080}]}
    shipped = {**CONFIGURATION, "scrape_configs": [*CONFIGURATION["scrape_configs"], by_name]}
    jobs = local_configuration(shipped, TARGETS, SHIPPED.parent)["scrape_configs"]
    assert [job["job_name"] for job in jobs] == ["chirp-worker", "chirp-controller"]


def test_the_rules_are_the_shipped_files_every_second_and_no_alert_is_sent() -> None:
    local = local_configuration(CONFIGURATION, TARGETS, SHIPPED.parent)
    (pattern,) = local["rule_files"]
    assert {path.name for path in Path(pattern).parent.glob("*.yaml")} == {"alerts.yaml", "recording.yaml"}
    assert local["global"] == {"scrape_interval": "1s", "evaluation_interval": "1s"}
    assert "alerting" not in local


def test_targets_of_a_job_that_is_not_shipped_are_refused() -> None:
    with pytest.raises(ValueError, match="chirp-controller"):
        local_configuration(CONFIGURATION, {"chirp-worker": []}, SHIPPED.parent)


def test_without_prometheus_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prometheus.shutil, "which", lambda _: None)
    with pytest.raises(StackError, match=r"^Prometheus is not installed: `apt-get install prometheus`.*$"):
        find_prometheus()
