"""`rollout simulate`: a timeline for people, JSON for scripts, a picture, many seeds, errors in one line."""

from __future__ import annotations

import json
import multiprocessing
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tests.unit.makers import CATALOGUE
from worker.cli.main import app, main
from worker.rollout.plan.file import read_plan_file
from worker.rollout.plan.parser import parse_plan
from worker.rollout.simulation.parallel import Simulation, simulate_many
from worker.rollout.simulation.trace_file import parse_trace, read_trace_file

MINE = """\
version: 1
name: mine
lasts: 1h
breaks_at: 10m
jobs_a_day: 57600
shifts:
  - {at: 10m, voice_model: chirp3-hd, errors: 0.9}
"""


@pytest.fixture
def trace(tmp_path: Path) -> str:
    path = tmp_path / "mine.yaml"
    path.write_text(MINE)
    return str(path)


def simulate(*arguments: str) -> str:
    ended = CliRunner().invoke(app, ["rollout", "simulate", "production", "--traffic", *arguments])
    assert ended.exit_code == 0, ended.output
    return ended.stdout


def refused(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    monkeypatch.setattr(sys, "argv", ["chirp-worker", "rollout", "simulate", "production", "--traffic", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    return line


def test_the_timeline_says_when_what_happened_and_why_and_what_was_heard(trace: str) -> None:
    shown = simulate(trace)
    assert "turned off" in shown
    assert "0 d 00:" in shown
    assert "error_rate (5m)" in shown
    assert "chirp3-hd" in shown


def test_json_has_the_timeline_in_seconds_and_the_cost(trace: str) -> None:
    document = json.loads(simulate(trace, "--json", "--seed", "3"))
    assert [each["what"] for each in document["timeline"]] == ["started", "turned off"]
    assert document["timeline"][0]["after"] == 0
    assert 600 < document["timeline"][1]["after"] <= 1_380
    assert (document["plan"], document["trace"], document["seed"], document["step_s"]) == ("production", "mine", 3, 300)
    assert document["usd"] == pytest.approx(sum(each["USD"] for each in document["heard"]), abs=0.011)


def test_a_shorter_time_and_a_shorter_step_may_be_asked_for(trace: str) -> None:
    document = json.loads(simulate(trace, "--json", "--lasts", "10m", "--step", "1m"))
    assert (document["lasted_s"], document["step_s"], len(document["timeline"])) == (600, 60, 1)


def test_over_several_seeds_it_says_how_often_and_how_long(trace: str) -> None:
    document = json.loads(simulate(trace, "--json", "--seeds", "3"))
    assert (document["simulations"], document["heard when it broke"], document["seen after it broke"]) == (3, 3, 3)
    assert document["rolled back while healthy"] == 0


def test_a_picture_is_drawn(trace: str, tmp_path: Path) -> None:
    picture = tmp_path / "timeline.png"
    simulate(trace, "--plot", str(picture))
    assert picture.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (["--lasts", "soon"], "--lasts 'soon': must be a whole number and a unit"),
        (["--lasts", "0d"], "--lasts '0d': must be above 0"),
        (["--step", "7m"], "--step '7m': must be a multiple of the plan's resolution, 1m"),
        (["--step", "90s"], "--step '90s': must be a multiple of the plan's resolution, 1m"),
        (["--plot", "picture.docx"], "--plot picture.docx: Format 'docx' is not supported"),
    ],
)
def test_what_is_asked_wrongly_is_told_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], trace: str, more: list[str], says: str
) -> None:
    assert says in refused(monkeypatch, capsys, trace, *more)


def test_a_trace_that_is_wrong_is_told_with_its_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(MINE.replace("errors: 0.9", "errors: 90"))
    assert "line 7: shifts[0].errors: 90: input should be" in refused(monkeypatch, capsys, str(wrong))


def test_without_matplotlib_a_picture_is_refused_before_anything_is_simulated(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], trace: str
) -> None:
    hidden: dict[str, Any] = {"matplotlib": None, "matplotlib.figure": None}
    for name, module in hidden.items():
        monkeypatch.setitem(sys.modules, name, module)
    assert "pip install 'chirp-worker[plot]'" in refused(monkeypatch, capsys, trace, "--plot", "picture.png")


def test_who_stops_asking_ends_all_simulations() -> None:
    plan = parse_plan(read_plan_file("production")[1], "production", CATALOGUE.names).plan
    read = parse_trace(read_trace_file("healthy")[1], "healthy", CATALOGUE.names)
    few = read.model_copy(update={"lasts": timedelta(minutes=10)})
    requested = simulate_many(Simulation(plan, few, CATALOGUE.names, timedelta(minutes=5)), range(500), 1)
    next(requested)
    requested.close()
    assert not multiprocessing.active_children()
