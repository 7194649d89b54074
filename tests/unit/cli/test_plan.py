"""`rollout plan`: tables for people, JSON for scripts, the exit status for both."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from worker.cli.main import app
from worker.rollout.plan.file import BUILT_IN


def plan(*arguments: str, status: int = 0) -> str:
    ended = CliRunner().invoke(app, ["rollout", "plan", *arguments])
    assert ended.exit_code == status, ended.output
    return ended.output


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_built_in_plan_is_shown_as_yaml_and_is_all_right(name: str, tmp_path: Path) -> None:
    text = plan("show", name)
    assert yaml.safe_load(text)["name"] == name
    copy = tmp_path / "mine.yaml"
    copy.write_text(text)
    assert "At the traffic that it expects" in plan("check", str(copy))
    assert name in plan("list")


def test_json_has_numbers_and_seconds() -> None:
    document = json.loads(plan("check", "production", "--json"))
    assert {each["severity"] for each in document["findings"]} == {"note"}
    assert [each["at least"] for each in document["stages"]] == [172_800, 432_000, 604_800]
    seen = {(each["rule"], each["breach"]): each for each in document["breaches"]}
    assert seen["at_once error_rate", "50% errors"]["stage 10"] == 468
    assert seen["step errors_against_control", "7% errors, 2% in WaveNet"]["stage 100"] is None


def test_what_is_wrong_in_a_plan_is_a_table_and_status_1(tmp_path: Path) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text("version: 1\nname: bad\nstages: []\nnmae: x\n")
    assert "there is no such field" in plan("check", str(bad), status=1)
    findings = json.loads(plan("check", str(bad), "--json", status=1))["findings"]
    assert [each["line"] for each in findings] == [3, 4]


def test_a_rehearsal_is_checked_with_its_days() -> None:
    document = json.loads(plan("check", "production", "--day", "60s", "--json"))
    assert [each["at least"] for each in document["stages"]] == [120, 300, 420]
