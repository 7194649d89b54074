"""While a batch runs: what is sent, what the state keeps, and what survives a crash at any moment."""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from aiokafka.errors import KafkaError
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import RefusedError, UsageError
from tests.unit.batches import HALF, InstantLane, done, line, plan, selector
from tests.unit.makers import CHIRP, WAVENET
from worker.batch.backlog import Backlog
from worker.batch.entry import ManifestEntry, build_entry
from worker.batch.journal import Positions
from worker.batch.line_status import LineStatus, line_states, next_job
from worker.batch.manifest import journal_path, read_manifest
from worker.batch.report.page import render_report
from worker.batch.report.rows import AudioPlace, ReportInput
from worker.batch.runner import WINDOW, BatchRunner, RunPlan
from worker.batch.state import BatchState, open_state
from worker.batch.voice_selection import PlannedLine
from worker.lifecycle.clock import Clock

TO_MAKE = frozenset({LineStatus.NEW, LineStatus.EDITED})


def manifest(tmp_path: Path) -> Path:
    return tmp_path / "script.csv.manifest.jsonl"


def lane_for(state: BatchState, **answers: object) -> InstantLane:
    return InstantLane(lambda job_id: state.in_flight[job_id].key, **answers)


def runner(state: BatchState, planned_lines: list[PlannedLine], **changes: object) -> BatchRunner:
    clock = changes.pop("clock", Clock())
    return BatchRunner(state, RunPlan(planned_lines, selector(), **{"wanted": TO_MAKE, **changes}), clock)


async def run(state: BatchState, planned_lines: list[PlannedLine], **changes: object) -> InstantLane:
    lane = lane_for(state)
    await runner(state, planned_lines, **changes).run(lane, lambda _: None)
    state.write([each.line.id for each in planned_lines])
    return lane


async def test_every_line_is_sent_once_within_the_window_and_a_second_run_sends_nothing(tmp_path):
    planned_lines = plan(*(line(f"l-{n}", text=f"Line {n}.") for n in range(WINDOW + 300)))
    with open_state(manifest(tmp_path)) as state:
        lane = await run(state, planned_lines)
        assert sorted(job.text for job in lane.sent) == sorted(each.job.text for each in planned_lines)
        assert lane.most_in_flight <= WINDOW
        assert not (await run(state, planned_lines)).sent
    entries = [json.loads(each) for each in manifest(tmp_path).read_text().splitlines()]
    assert [entry["line"] for entry in entries] == [each.line.id for each in planned_lines]


async def test_lines_of_one_take_wait_for_the_first_and_then_go_together(tmp_path):
    planned_lines = plan(*(line(f"l-{n}", text="The same.") for n in range(5)))
    shown = []
    with open_state(manifest(tmp_path)) as state:
        lane = lane_for(state)
        await runner(state, planned_lines).run(lane, lambda _: shown.append(len(lane.sent)))
    assert shown == [0, 1, 5]


async def test_lines_of_a_take_that_is_stored_already_dont_wait(tmp_path):
    planned_lines = plan(*(line(f"l-{n}", text="The same.") for n in range(5)))
    with open_state(manifest(tmp_path)) as state:
        assert (await run(state, planned_lines, stored={planned_lines[0].key})).most_in_flight == 5


async def test_where_the_first_of_a_take_fails_the_next_tries(tmp_path):
    planned_lines = plan(line("l-1", text="The same."), line("l-2", text="The same."))
    with open_state(manifest(tmp_path)) as state:
        lane = lane_for(state, fails=lambda job: job.job_id.startswith("l-1"))
        made = runner(state, planned_lines)
        await made.run(lane, lambda _: None)
        assert (made.progress.failed, made.progress.done) == (1, 1)
        assert not (await run(state, planned_lines)).sent
        again = await run(state, planned_lines, wanted={LineStatus.FAILED})
        assert [job.job_id.count(":") for job in again.sent] == [2]
        assert all(entry.is_done for entry in state.entries.values())


async def test_a_line_that_was_edited_while_its_job_was_under_way_is_made_as_it_is_now(tmp_path):
    (before,) = plan(line("l-1", text="As it was."))
    (after,) = plan(line("l-1", text="As it is."))
    job, sent = next_job(before, None)
    with open_state(manifest(tmp_path)) as state:
        state.record_sent([sent])
    with open_state(manifest(tmp_path)) as state:
        lane = lane_for(state)
        lane._pending.append(job)
        made = runner(state, [after])
        await made.run(lane, lambda _: None)
        assert [each.text for each in lane.sent] == ["As it is."]
        assert state.entries["l-1"].key == after.key
        assert (made.progress.total, made.progress.done) == (2, 2)


@pytest.mark.parametrize("decided", [WAVENET, CHIRP])
async def test_a_line_under_way_whose_voice_changed_is_made_again_if_requested_and_if_it_was_known_before(
    tmp_path, decided
):
    """What a worker decides meanwhile was in no confirmed price: the next run shows and confirms it."""
    (before,) = plan(line("l-1"), state=replace(HALF, enabled=decided is CHIRP, percentage=10_000))
    (after,) = plan(line("l-1"), state=replace(HALF, percentage=10_000))
    job, sent = next_job(before, None)
    spoke = done(job.job_id, selector().key_for(before, WAVENET))
    with open_state(manifest(tmp_path)) as state:
        state.record_sent([sent])
        lane = lane_for(state)
        lane._pending.append(job)
        lane.completion = lambda each: spoke if each.job_id == job.job_id else done(each.job_id, after.key)
        await runner(state, [after], wanted=TO_MAKE | {LineStatus.VOICE_CHANGED}).run(lane, lambda _: None)
        assert [each.voice for each in lane.sent] == ([] if decided is CHIRP else [after.job.voice])
        (left,) = line_states([after], state.entries, {}, selector())
        assert left.status is (LineStatus.VOICE_CHANGED if decided is CHIRP else LineStatus.DONE)


async def test_a_run_stops_soon_and_the_next_one_continues_where_it_ended(tmp_path):
    planned_lines = plan(*(line(f"l-{n}", text=f"Line {n}.") for n in range(WINDOW * 2)))
    with open_state(manifest(tmp_path)) as state:
        first = runner(state, planned_lines)
        lane = lane_for(state)
        await first.run(lane, lambda _: first.stop() if lane.sent else None)
        sent = len(lane.sent)
        assert 0 < sent <= WINDOW
    with open_state(manifest(tmp_path)) as state:
        assert len(state.entries) + len(state.in_flight) == sent
        assert len((await run(state, planned_lines)).sent) == len(planned_lines) - sent


def sent_entry(made: PlannedLine) -> tuple:
    _, sent = next_job(made, None)
    return sent, build_entry(sent, done(sent.job_id, made.key))


@given(st.data())
def test_complete_journal_entries_are_kept_wherever_a_crash_cuts_the_journal_off(tmp_path_factory, data):
    path = manifest(tmp_path_factory.mktemp("cut"))
    planned_lines = plan(*(line(f"l-{n}", text=f"Line {n}.") for n in range(4)))
    pairs = [sent_entry(each) for each in planned_lines]
    lengths = []
    with open_state(path) as state:
        state.begin(Positions(completions={0: 5}, lane={0: 7}))
        for sent, entry in pairs:
            state.record_sent([sent])
            lengths.append((journal_path(path).stat().st_size, len(state.entries), len(state.in_flight)))
            state.record_ended([entry], {0: 6})
            lengths.append((journal_path(path).stat().st_size, len(state.entries), len(state.in_flight)))
    content = journal_path(path).read_bytes()
    cut = data.draw(st.integers(lengths[0][0], len(content)))
    journal_path(path).write_bytes(content[:cut])
    _, entries, in_flight = max(each for each in lengths if each[0] <= cut)
    with open_state(path) as state:
        assert (len(state.entries), len(state.in_flight)) == (entries, in_flight)
        assert state.positions.lane == {0: 7}
        # What comes after is written behind what is whole.
        state.record_sent([pairs[0][0]])
    with open_state(path) as state:
        assert pairs[0][0].job_id in state.in_flight


def test_a_manifest_is_complete_at_every_moment_and_has_each_line_once(tmp_path):
    planned_lines = plan(line("l-1"), line("l-2", text="Two."), line("l-3", text="Three."))
    with open_state(manifest(tmp_path)) as state:
        for sent, entry in map(sent_entry, planned_lines):
            state.record_sent([sent])
            state.record_ended([entry, entry], {0: 1})
            state.write(["l-3", "l-2", "l-1"])
            assert len(read_manifest(manifest(tmp_path))) == len(state.entries)
        state.write(["l-3", "l-1"])
    assert list(read_manifest(manifest(tmp_path))) == ["l-3", "l-1"]
    with open_state(manifest(tmp_path)) as state:
        assert list(state.entries) == ["l-3", "l-1"]


async def test_lines_that_may_be_among_those_left_out_are_kept_while_it_runs_and_when_they_end(tmp_path):
    """The manifest is written after each completion: this must not drop what is kept at the end."""
    planned_lines = plan(line("l-1", text="One."), line("l-2", text="Two."), line("l-3", text="Three."))
    (first, ended), (_, other), _ = map(sent_entry, planned_lines)
    job, _ = next_job(planned_lines[0], None)
    with open_state(manifest(tmp_path)) as state:
        state.record_ended([other], {0: 1})
        state.record_sent([first])
        lane = lane_for(state)
        lane._pending.append(job)
        hourly = Clock(monotonic=itertools.count(0, 3600).__next__)
        made = runner(state, planned_lines[2:], clock=hourly, keep_others=True)
        await made.run(lane, lambda _: None)
        assert list(read_manifest(manifest(tmp_path))) == ["l-3", "l-2", "l-1"]
        state.write(["l-3"], keep_others=True)
        assert state.entries["l-1"] == ended
        state.write(["l-3"])
    assert list(read_manifest(manifest(tmp_path))) == ["l-3"]


def test_jobs_that_never_got_into_the_lane_are_made_again(tmp_path):
    (made,) = plan(line())
    sent, _ = sent_entry(made)
    with open_state(manifest(tmp_path)) as state:
        state.record_sent([sent])
        state.record_unsent([sent.job_id])
    with open_state(manifest(tmp_path)) as state:
        assert not state.in_flight


async def test_two_copies_of_a_script_and_its_manifest_send_the_same_jobs_which_one_partition_keeps_in_order(tmp_path):
    sent = []
    for copy in ("mine", "yours"):
        folder = tmp_path / copy
        folder.mkdir()
        planned_lines = plan(*(line(f"l-{n}", text=f"Line {n}.") for n in range(5)))
        with open_state(manifest(folder)) as state:
            sent.append([(job.job_id, job.text) for job in (await run(state, planned_lines)).sent])
    assert len(set(sent[0])) == 5
    assert sent[0] == sent[1]


def test_two_commands_cannot_open_one_manifest(tmp_path):
    with open_state(manifest(tmp_path)) as state:
        state.write([])
        with pytest.raises(RefusedError, match="another `chirp-worker batch`"), open_state(manifest(tmp_path)):
            pass
    with open_state(manifest(tmp_path)):
        pass


@pytest.mark.parametrize("content", ["rubbish\n", '{"line": "a"}\n', "[]\n"])
def test_an_invalid_manifest_is_refused_with_its_line(tmp_path, content):
    manifest(tmp_path).write_text(content)
    with pytest.raises(UsageError, match=r"script\.csv\.manifest\.jsonl:1:"), open_state(manifest(tmp_path)):
        pass


def test_the_report_shows_each_line_and_takes_no_text_for_markup():
    wicked = '</script><script>alert("x")</script> & <b>@DATA@</b>'
    lines = [line("l-1", text=f"Well {wicked}".replace("<", "‹")), line("l-2")]
    spoken = lines[0].job.model_copy(update={"text": wicked})
    lines[0] = type(lines[0])(spoken, None, lines[0].place, lines[0].columns)
    (made,) = plan(line("l-2"))
    entry: ManifestEntry = sent_entry(made)[1]
    given = ReportInput(lines, {"l-2": entry}, lambda _: AudioPlace("pip_boy/l-2.ogg"))
    page = render_report(given, title="<act 1>")
    assert "<title>&lt;act 1&gt;</title>" in page
    assert page.count("</script>") == 2
    data = page.partition('id="data">')[2].partition("</script>")[0]
    first, second = json.loads(data)["rows"]
    assert (first["text"], first["status"], first.get("audio")) == (wicked, "not made", None)
    assert (second["status"], second["seconds"], second["audio"]) == ("done", 1.5, "pip_boy/l-2.ogg")


class Quiet(InstantLane):
    """Completes nothing until the clock has gone on for a while."""

    def hold(self, time: Clockwork, until_s: float) -> None:
        self.time, self.until_s = time, until_s

    async def completions(self, job_ids):
        self.time.now += 10
        return await super().completions(job_ids) if self.time.now >= self.until_s else []


@dataclass
class Clockwork:
    now: float = 0.0

    @property
    def clock(self) -> Clock:
        return Clock(monotonic=lambda: self.now)


async def test_a_silence_is_explained_once_a_minute_by_what_kafka_knows(tmp_path):
    backlog = Backlog("chirp-worker", workers=2, before=40, behind=7, retries={"10m": 3})
    time = Clockwork()
    shown = []
    with open_state(manifest(tmp_path)) as state:
        lane = Quiet(lambda job_id: state.in_flight[job_id].key, backlogs=[backlog, KafkaError("away"), backlog])
        lane.hold(time, 260)
        made = runner(state, plan(line("l-1")), clock=time.clock)
        await made.run(lane, lambda progress: shown.append((progress.silent_s, progress.backlog)))
    explained = {silent_s: found for silent_s, found in shown if silent_s > 60}
    assert [explained[each] for each in (70, 130, 140, 150, 200)] == [backlog, backlog, None, None, None]
    assert explained[210] == backlog
    assert shown[-1] == (0, None)
    assert lane.backlogs == []
