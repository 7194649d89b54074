"""The rules of Prometheus: every alert fires and is silent where its tests say so, and has its page in the runbooks."""

from __future__ import annotations

import re
import subprocess
from collections import defaultdict
from typing import Any

import pytest
import yaml

from tests.stack.deployment import program
from tests.unit.monitoring.queries import A_SERIES, DEFINITIONS, DEPLOY, RULES, rules, series_names, series_of
from worker.rollout.plan.file import read_plan_file

PROMETHEUS = DEPLOY / "prometheus"
TESTS = sorted((PROMETHEUS / "tests").glob("*.yaml"))
RUNBOOKS = (DEPLOY.parent / "docs" / "runbooks.md").read_text(encoding="utf-8")
ALERTS = {rule["alert"]: rule for rule in rules("alert")}
PARTS = ["Means", "Look at", "Do", "Over when"]
A_SELECTOR = re.compile(r"\b(tts_\w+)\{([^}]*)\}")
A_MATCHER = re.compile(r'(\w+)(=~|!=|=)"([^"]*)"')


def run(*command: str) -> str:
    ended = subprocess.run(command, check=False, capture_output=True, text=True, cwd=PROMETHEUS)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def test_promtool_accepts_the_configuration_and_all_rules() -> None:
    told = run(program("promtool"), "check", "config", "prometheus.yml")
    assert told.count("rules found") == len(RULES)
    assert len(ALERTS) >= 30
    assert len(ALERTS) == len(rules("alert")), "an alert's name comes twice"


@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.stem)
def test_promtools_tests_of_the_alerts_pass(path: Any) -> None:
    assert "SUCCESS" in run(program("promtool"), "test", "rules", str(path))


def test_each_alert_has_a_test_in_which_it_fires_and_one_in_which_it_is_silent() -> None:
    seen: dict[str, set[bool]] = defaultdict(set)
    for path in TESTS:
        for each in yaml.safe_load(path.read_text(encoding="utf-8"))["tests"]:
            for tried in each["promql_expr_test"]:
                (alert,) = re.findall(r'alertname="(\w+)"', tried["expr"])
                seen[alert].add(bool(tried["exp_samples"]))
    assert dict(seen) == {name: {True, False} for name in ALERTS}


def test_each_alert_has_a_severity_and_a_page_that_says_what_to_do_and_no_page_is_left_over() -> None:
    pages = dict(re.findall(r"(?ms)^### (\w+)\n(.*?)(?=^##|\Z)", RUNBOOKS))
    assert list(pages) == list(ALERTS)
    for name, rule in ALERTS.items():
        assert rule["labels"]["severity"] in {"critical", "warning"}
        assert rule["annotations"]["runbook"] == f"docs/runbooks.md#{name.lower()}"
        assert re.findall(r"(?m)^- \*\*([\w ]+):\*\*", pages[name]) == PARTS, name


def test_the_runbooks_name_panels_that_there_are() -> None:
    titles = "\n".join(path.read_text(encoding="utf-8") for path in (DEPLOY / "grafana" / "dashboards").glob("*.json"))
    named = set(re.findall(r"(?<!\*)\*([A-Z][^*]+)\*(?!\*)", RUNBOOKS))
    assert len(named) > 15
    assert {each for each in named if f'"title": "{" ".join(each.split())}' not in titles} == set()


def test_rules_name_only_series_labels_and_values_of_the_catalogue() -> None:
    by_series = {name: definition for definition in DEFINITIONS for name in series_of(definition)}
    recorded = {rule["record"] for rule in rules("record")}
    for rule in (*rules("alert"), *rules("record")):
        expression = rule["expr"]
        for name in re.findall(r"\b\w+:\w+:\w+", expression):
            assert name in recorded
        plain = re.sub(r"\b\w+:\w+:\w+", "", expression)
        assert set(A_SERIES.findall(plain)) <= series_names(), rule
        for name, matchers in A_SELECTOR.findall(plain):
            values = {label.name: label.all_values(["pip_boy"]) for label in by_series[name].labels}
            for label, _, value in A_MATCHER.findall(matchers):
                assert set(value.split("|")) <= set(values[label]), f"{name}: {label}={value}"


def test_the_limits_are_those_of_the_built_in_plan() -> None:
    plan = yaml.safe_load(read_plan_file("production")[1])
    gates = {each["measure"]: each["limit"] for each in plan["gates"] if "limit" in each}
    at_once = {each["measure"]: each["limit"] for each in plan["roll_back"]["at_once"]}
    (of_character,) = (each["limit"] for each in plan["roll_back"]["character"] if "limit" in each)
    for name, rule in ALERTS.items():
        limits = {float(each) for each in re.findall(r"> ([\d.]+)$", rule["expr"], re.MULTILINE)}
        if measure := rule["labels"].get("measure"):
            wanted = at_once if rule["labels"]["severity"] == "critical" else gates
            assert limits == {wanted[measure]}, name
    assert "> 0.10\n" in ALERTS["CharacterErrorRateHigh"]["expr"]
    assert of_character == 0.10


def test_alertmanagers_checker_accepts_the_routing_and_critical_alerts_page_somebody() -> None:
    amtool = program("amtool")
    assert "SUCCESS" in run(amtool, "check-config", "alertmanager.yml")
    routes = (amtool, "config", "routes", "test", "--config.file=alertmanager.yml")
    assert run(*routes, "alertname=NobodyJudges", "severity=critical").strip() == "page"
    assert run(*routes, "alertname=RolloutNotFollowed", "severity=warning").strip() == "channel"


def test_what_the_routing_silences_are_alerts_that_there_are() -> None:
    routing = yaml.safe_load((PROMETHEUS / "alertmanager.yml").read_text(encoding="utf-8"))
    matchers = [
        matcher
        for rule in routing["inhibit_rules"]
        for kind in ("source_matchers", "target_matchers")
        for matcher in rule[kind]
    ]
    named = {name for each in matchers if each.startswith("alertname") for name in each.split('"')[1].split("|")}
    assert named
    assert named - set(ALERTS) == set()
