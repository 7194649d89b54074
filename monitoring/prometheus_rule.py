"""Wraps Prometheus' rules into the PrometheusRule of `deploy/kubernetes`, which can't read them from their files."""

from pathlib import Path
from typing import Any, Final

import yaml

_DEPLOY: Final = Path(__file__).parents[1] / "deploy"
_RULES: Final = _DEPLOY / "prometheus" / "rules"
FILE: Final = _DEPLOY / "kubernetes" / "components" / "alerts-and-dashboards" / "prometheus-rule.yaml"
"""The committed manifest."""

_HEAD: Final = "# Generated from deploy/prometheus/rules: change those and run `make dashboards`.\n"


class _Dumper(yaml.SafeDumper):
    """Writes a text of several lines as one, so that a query stays readable."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)


def build_prometheus_rule() -> str:
    """Returns the manifest with the groups of all rule files."""
    groups = [
        group
        for path in sorted(_RULES.glob("*.yaml"))
        for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]
    ]
    manifest: dict[str, Any] = {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": "chirp-worker"},
        "spec": {"groups": groups},
    }
    return _HEAD + yaml.dump(manifest, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=1000)


def write_prometheus_rule(path: Path = FILE) -> Path:
    """Writes the manifest and returns its path."""
    path.write_text(build_prometheus_rule(), encoding="utf-8")
    return path
