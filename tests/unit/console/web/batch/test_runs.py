"""The runs of scripts: their last reports, those that have fallen silent, and their lines by scene."""

from __future__ import annotations

import json
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from schemas.batch_run import BatchRun
from schemas.completion import Completion
from schemas.enums import JobStatus, Lane
from tests.unit.rollouts import NOW
from worker.console.web.batch.runs import MOST_LINES, KnownRuns, RunLines, last_reports

MINUTE = timedelta(minutes=1)


def run(run_id: str = "a", *, ago: timedelta = timedelta(0), **more: Any) -> BatchRun:
    given = {
        "run_id": run_id, "script": "act-1.csv", "state": "running", "started": (NOW - 10 * MINUTE).isoformat(),
        "time": (NOW - ago).isoformat(), "total": 10, "done": 3, "failed": 1, "source": "/batch",
    }  # fmt: skip
    return BatchRun.model_validate({**given, **more})


def report(*args: Any, **more: Any) -> SimpleNamespace:
    return SimpleNamespace(value=run(*args, **more).model_dump_json().encode())


def test_the_last_report_of_each_run_counts_whatever_its_place() -> None:
    records = [report(ago=2 * MINUTE, done=1), report(done=5), report(ago=MINUTE, done=4), report("b", done=2)]
    assert {each.run.run_id: each.run.done for each in last_reports(records, NOW)} == {"a": 5, "b": 2}
    assert last_reports(records, NOW)[0].run.left == (10 - 5 - 1 if records[1] else 0)


def test_the_run_that_began_last_is_first() -> None:
    later = (NOW - MINUTE).isoformat()
    shown = last_reports([report("a"), report("b", started=later)], NOW)
    assert [each.run.run_id for each in shown] == ["b", "a"]


@pytest.mark.parametrize(
    ("state", "ago", "standing"),
    [
        ("running", MINUTE, "running"),
        ("running", MINUTE + timedelta(seconds=1), "silent"),
        ("ended", 60 * MINUTE, "ended"),
        ("stopped", timedelta(0), "stopped"),
    ],
)
def test_a_run_that_reports_no_more_and_has_not_ended_is_silent(state: str, ago: timedelta, standing: str) -> None:
    (shown,) = last_reports([report(state=state, ago=ago)], NOW)
    assert shown.standing == standing


def test_what_is_no_report_is_passed_over() -> None:
    strange = [SimpleNamespace(value=each) for each in (None, b"", b"[]", b'{"run_id": "a"}', b"\xff")]
    assert last_reports(strange, NOW) == []


def test_a_report_is_found_however_many_of_other_runs_came_since_and_after_a_long_time() -> None:
    known = KnownRuns()
    long_ago = report("a", ago=20 * 24 * 60 * MINUTE, state="ended", done=9)
    for number, each in enumerate([long_ago, *[report("b", done=done) for done in range(9)] * 1_000]):
        known.observe(SimpleNamespace(key=b"b" if number else b"a", value=each.value))
    assert {each.run.run_id: each.run.done for each in known.shown(NOW)} == {"a": 9, "b": 8}


def published(script_id: str, digit: str, ago: timedelta) -> SimpleNamespace:
    time = (NOW - ago).isoformat()
    given = {"sha256": digit * 64, "bytes": 9, "time": time}
    return report(f"report-{script_id}", script_id=script_id, report=given, started=time, ago=ago)


def test_the_last_report_that_was_published_belongs_to_each_run_of_the_same_script_and_to_no_other() -> None:
    mine, others = "a" * 16, "b" * 16
    records = [
        report("mine", script_id=mine),
        published(mine, "2", MINUTE),
        published(mine, "1", 2 * MINUTE),
        published(others, "3", timedelta(0)),
        report("none", script_id="c" * 16),
        report("old"),
    ]
    shown = {each.run.run_id: each.report and each.report.sha256[0] for each in last_reports(records, NOW)}
    assert shown == {"mine": "2", f"report-{mine}": "2", f"report-{others}": "3", "none": None, "old": None}


def job(job_id: str, ago: timedelta = MINUTE, **more: Any) -> SimpleNamespace:
    value = json.dumps({"job_id": job_id, "character": "ghoul", "text": "Hello.", **more}).encode()
    return SimpleNamespace(topic="t.batch", value=value, timestamp=int((NOW - ago).timestamp() * 1000))


def completion(job_id: str) -> SimpleNamespace:
    done = Completion(job_id=job_id, status=JobStatus.EXPIRED, lane=Lane.BATCH)
    return SimpleNamespace(topic="t.completions", value=done.model_dump_json().encode(), timestamp=0)


def lines_of(*records: SimpleNamespace) -> RunLines:
    lines = RunLines(run(), "t")
    for each in records:
        lines.add(each)
    return lines


def test_lines_are_by_scene_or_else_by_character_with_their_ends() -> None:
    records = job("1", rollout_key="s2"), job("2", rollout_key="s1"), job("3"), completion("2"), completion("other")
    scenes = lines_of(*records).by_scene()
    assert {scene: [each.job_id for each in lines] for scene, lines in scenes.items()} == {
        "ghoul": ["3"], "s1": ["2"], "s2": ["1"],
    }  # fmt: skip
    assert scenes["s1"][0].completion is not None
    assert scenes["s2"][0].completion is None


def test_only_what_was_sent_in_the_runs_time_belongs_to_it() -> None:
    assert lines_of(job("1", 10 * MINUTE), job("2", 11 * MINUTE), job("3", -MINUTE)).by_scene().keys() == {"ghoul"}
    assert [each.job_id for each in lines_of(job("1", 10 * MINUTE), job("2", 11 * MINUTE)).by_scene()["ghoul"]] == ["1"]


def test_of_very_many_lines_the_first_are_listed_and_the_others_counted() -> None:
    lines = lines_of(*(job(str(number)) for number in range(MOST_LINES + 5)))
    assert (len(lines.by_scene()["ghoul"]), lines.passed) == (MOST_LINES, 5)
