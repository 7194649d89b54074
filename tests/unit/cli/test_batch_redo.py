"""`batch redo` and `batch choices` without their servers: what they show, refuse, record and choose."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from schemas.enums import VoiceModel
from tests.unit.batches import done, failed
from tests.unit.cli.test_batch_run import EVERYBODY, Studio
from worker.batch.choices import choices_path, read_choices
from worker.batch.entry import build_entry
from worker.batch.line_status import line_states, next_job
from worker.batch.manifest import default_manifest, takes_manifest
from worker.batch.runner import RunPlan
from worker.batch.state import WritableBatchState, read_state
from worker.cli import batch_steps
from worker.cli.login import login_name
from worker.cli.main import app

if TYPE_CHECKING:
    from pathlib import Path

TEXTS = {"a": "One.", "b": "Two."}


class Desk(Studio):
    """A studio whose jobs end at once, as far as `ends` allows, and fail where they are to."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__(folder, monkeypatch)
        self.ends = 10**6
        self.failing: set[str] = set()
        self.made: list[str] = []
        monkeypatch.setattr(batch_steps.BatchSteps, "run_jobs", lambda _, state, plan, __: self._end(state, plan))

    def _end(self, state: WritableBatchState, plan: RunPlan) -> bool:
        for each in line_states(plan.lines, state.entries, state.lines_in_flight, plan.selector):
            if each.status_after_job not in plan.wanted:
                continue
            if not self.ends:
                return True
            self.ends -= 1
            name = each.planned.line.id
            _, sent = next_job(each.planned, each.entry)
            completion = failed(sent.job_id) if name in self.failing else done(sent.job_id, sent.key)
            completion = completion.model_copy(update={"take": each.planned.job.take})
            state.record_ended([build_entry(sent, completion)], {0: 1})
            self.made.append(name)
        return False

    def batch(self, command: str, *arguments: str) -> tuple[Any, Any]:
        ended = CliRunner().invoke(app, ["batch", command, str(self.script), "--json", *arguments])
        return ended, json.loads(ended.stdout) if ended.stdout else None


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    for name, value in EVERYBODY.items():
        monkeypatch.setenv(name, value)
    made = Desk(tmp_path, monkeypatch)
    made.write(**TEXTS)
    made.finish(**TEXTS)
    return made


def test_a_redo_makes_the_next_take_and_leaves_the_lines_own_entry(desk: Desk) -> None:
    before = read_state(default_manifest(desk.script)).entries
    ended, document = desk.batch("redo", "a", "--yes")
    assert ended.exit_code == 0
    assert [(row["line"], row["take"], row["status"]) for row in document["takes"]] == [("a", 2, "done")]
    assert document["price"]["rows"][-1]["characters"] == len("One.")
    assert read_state(default_manifest(desk.script)).entries == before
    assert list(read_state(takes_manifest(default_manifest(desk.script))).entries) == ["a.t1", "a.t2"]
    desk.batch("redo", "a", "--takes", "2", "--yes")
    assert desk.made == ["a.t2", "a.t3", "a.t4"]


def test_an_interrupted_redo_makes_what_is_missing_and_chooses_all_of_it(desk: Desk) -> None:
    desk.ends = 1
    ended, _ = desk.batch("redo", "a", "b", "--use", "--yes")
    assert (ended.exit_code, desk.made) == (130, ["a.t2"])
    desk.ends = 10
    ended, document = desk.batch("redo", "a", "b", "--use", "--yes")
    assert "didn't come to its end, and goes on" in ended.stderr
    assert (ended.exit_code, desk.made) == (0, ["a.t2", "b.t2"])
    assert [row["status"] for row in document["takes"]] == ["done", "done"]
    assert {line: each.take for line, each in read_choices(choices_path(desk.script)).items()} == {"a": 2, "b": 2}
    desk.batch("redo", "a", "b", "--yes")
    assert desk.made[2:] == ["a.t3", "b.t3"]


def test_a_take_that_failed_is_tried_again_by_the_same_command_and_the_others_are_not(desk: Desk) -> None:
    desk.failing = {"b.t2"}
    ended, _ = desk.batch("redo", "a", "b", "--yes")
    assert (ended.exit_code, "1 takes weren't made; the same command tries them again" in ended.stderr) == (1, True)
    desk.failing = set()
    assert desk.batch("redo", "a", "b", "--yes")[0].exit_code == 0
    assert desk.made == ["a.t2", "b.t2", "b.t2"]


def test_a_redo_of_wavenets_lines_is_said_to_sound_the_same(desk: Desk) -> None:
    desk.script.write_text(desk.script.read_text().replace("text\n", "text,voice\n").replace(".\n", ".,wavenet\n"))
    desk.batch("run", "--remake", "--yes")
    ended, document = desk.batch("redo", "a", "b", "--dry-run")
    assert "2 of the new takes are WaveNet's, which repeats itself exactly: they will sound the same" in ended.stderr
    assert {row["voice model"]: row["lines"] for row in document["price"]["rows"]}[VoiceModel.WAVENET.value] == 2


def test_a_dry_run_of_a_redo_writes_nothing_and_a_budget_refuses_it(desk: Desk) -> None:
    before = sorted(path.name for path in desk.script.parent.iterdir())
    assert desk.batch("redo", "a", "--dry-run")[0].exit_code == 0
    refused, document = desk.batch("redo", "a", "--budget", "0.0001", "--yes")
    assert "is more than the budget of 0.0001 USD" in document["refused"]
    refused, document = desk.batch("redo", "a")
    assert "nobody can confirm the price" in document["refused"]
    assert (desk.made, refused.exit_code) == ([], 1)
    kept = [path.name for path in desk.script.parent.iterdir() if ".takes." not in path.name]
    assert sorted(kept) == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "say which lines: their ids, or a file of verdicts with --verdicts"),
        (("z",), "'z' is no line of the script"),
        (("a", "--verdicts", "nowhere.json"), "nowhere.json: can't be read"),
    ],
)
def test_what_is_no_line_is_refused(desk: Desk, arguments: tuple[str, ...], message: str) -> None:
    ended = CliRunner().invoke(app, ["batch", "redo", str(desk.script), *arguments, "--yes"])
    assert message in str(ended.exception)


def test_choices_are_set_by_hand_shown_and_removed(desk: Desk) -> None:
    ended, rows = desk.batch("choices", "a=2", "b=3")
    assert rows == [
        {"line": "a", "take": 2, "by": login_name(), "at": ""},
        {"line": "b", "take": 3, "by": login_name(), "at": ""},
    ]
    assert "choices written: 2, in all: 2" in ended.stderr
    assert [row["line"] for row in desk.batch("choices", "a=")[1]] == ["b"]
    for wrong, message in {"z=2": "'z' is no line of the script", "a=0": "allowed is LINE=2"}.items():
        assert message in str(desk.batch("choices", wrong)[0].exception)


def test_choices_of_a_reports_export_leave_what_was_typed(desk: Desk, tmp_path: Path) -> None:
    desk.batch("choices", "a=2")
    export = tmp_path / "export.json"
    said = [{"line": line, "take": 3, "by": "mei", "at": "2026-11-29T16:00:00Z"} for line in ("a", "b")]
    export.write_text(json.dumps({"script": "script.csv", "verdicts": said}))
    ended, rows = desk.batch("choices", "--from", str(export))
    assert [(row["line"], row["take"], row["by"]) for row in rows] == [("a", 2, login_name()), ("b", 3, "mei")]
    assert "left as written by hand: 1" in ended.stderr


def test_status_counts_candidates_and_not_the_lines_own_takes_among_them(desk: Desk) -> None:
    assert "candidates" not in desk.batch("status")[1]
    desk.failing = {"b.t2"}
    desk.batch("redo", "a", "b", "--yes")
    status = desk.batch("status")[1]
    assert (status["done"], status["candidates"], status["candidates failed"]) == (2, 1, 1)
