"""The PrometheusRule of deploy/kubernetes is what the generator makes, and has all rules unchanged."""

from __future__ import annotations

from pathlib import Path

import yaml

from monitoring.prometheus_rule import FILE, build_prometheus_rule, write_prometheus_rule
from tests.unit.monitoring.queries import RULES


def test_the_committed_manifest_is_what_the_generator_makes(tmp_path: Path) -> None:
    assert FILE.read_text(encoding="utf-8") == build_prometheus_rule(), "run `make dashboards`"
    assert write_prometheus_rule(tmp_path / "rule.yaml").read_text(encoding="utf-8") == build_prometheus_rule()


def test_it_has_the_groups_of_all_rule_files_unchanged() -> None:
    groups = yaml.safe_load(build_prometheus_rule())["spec"]["groups"]
    originals = [group for path in RULES for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]]
    assert groups == originals
    assert groups
