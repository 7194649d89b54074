"""While a batch runs: what is sent, what the book keeps, and what survives a crash at any moment."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import RefusedError, UsageError
from tests.unit.batches import HALF, InstantLane, cast, casting, done, line
from tests.unit.makers import CHIRP, WAVENET
from worker.batch.journal import Positions
from worker.batch.line_status import LineStatus, line_states, next_job
from worker.batch.manifest import Entry, entry_of, journal_of, read_manifest
from worker.batch.report import page_of
from worker.batch.runner import WINDOW, BatchRunner
from worker.batch.state import BatchState, open_state
from worker.batch.voice_selection import VoicedLine
from worker.lifecycle.clock import Clock

TO_MAKE = frozenset({LineStatus.NEW, LineStatus.EDITED})


def manifest(tmp_path: Path) -> Path:
    return tmp_path / "script.csv.manifest.jsonl"


def lane_for(book: BatchState, **answers: object) -> InstantLane:
    return InstantLane(lambda job_id: book.under_way[job_id].key, **answers)


def night(book: BatchState, casts: list[VoicedLine], **changes: object) -> BatchRunner:
    options = {"wanted": TO_MAKE, "stored": (), "clock": Clock(), **changes}
    return BatchRunner(book, casts, casting(), **options)


async def run(book: BatchState, casts: list[VoicedLine], **changes: object) -> InstantLane:
    lane = lane_for(book)
    await night(book, casts, **changes).run(lane, lambda _: None)
    book.write([each.line.id for each in casts])
    return lane


async def test_every_line_is_sent_once_within_the_window_and_a_second_run_sends_nothing(tmp_path):
    casts = cast(*(line(f"l-{n}", text=f"Line {n}.") for n in range(WINDOW + 300)))
    with open_state(manifest(tmp_path)) as book:
        lane = await run(book, casts)
        assert sorted(job.text for job in lane.sent) == sorted(each.job.text for each in casts)
        assert lane.most_under_way <= WINDOW
        assert not (await run(book, casts)).sent
    entries = [json.loads(each) for each in manifest(tmp_path).read_text().splitlines()]
    assert [entry["line"] for entry in entries] == [each.line.id for each in casts]


async def test_lines_of_one_take_wait_for_the_first_and_then_go_together(tmp_path):
    casts = cast(*(line(f"l-{n}", text="The same.") for n in range(5)))
    shown = []
    with open_state(manifest(tmp_path)) as book:
        lane = lane_for(book)
        await night(book, casts).run(lane, lambda _: shown.append(len(lane.sent)))
    assert shown == [0, 1, 5]


async def test_lines_of_a_take_that_is_stored_already_dont_wait(tmp_path):
    casts = cast(*(line(f"l-{n}", text="The same.") for n in range(5)))
    with open_state(manifest(tmp_path)) as book:
        assert (await run(book, casts, stored={casts[0].key})).most_under_way == 5


async def test_where_the_first_of_a_take_fails_the_next_tries(tmp_path):
    casts = cast(line("l-1", text="The same."), line("l-2", text="The same."))
    with open_state(manifest(tmp_path)) as book:
        lane = lane_for(book, fails=lambda job: job.job_id.startswith("l-1"))
        made = night(book, casts)
        await made.run(lane, lambda _: None)
        assert (made.tally.failed, made.tally.done) == (1, 1)
        assert not (await run(book, casts)).sent
        again = await run(book, casts, wanted={LineStatus.FAILED})
        assert [job.job_id.count(":") for job in again.sent] == [2]
        assert all(entry.is_done for entry in book.entries.values())


async def test_a_line_that_was_edited_while_its_job_was_under_way_is_made_as_it_is_now(tmp_path):
    (before,) = cast(line("l-1", text="As it was."))
    (after,) = cast(line("l-1", text="As it is."))
    job, sent = next_job(before, None)
    with open_state(manifest(tmp_path)) as book:
        book.sending([sent])
    with open_state(manifest(tmp_path)) as book:
        lane = lane_for(book)
        lane._unheard.append(job)
        made = night(book, [after])
        await made.run(lane, lambda _: None)
        assert [each.text for each in lane.sent] == ["As it is."]
        assert book.entries["l-1"].key == after.key
        assert (made.tally.total, made.tally.done) == (2, 2)


@pytest.mark.parametrize("decided", [WAVENET, CHIRP])
async def test_a_line_under_way_whose_voice_changed_is_made_again_if_asked_and_if_it_was_known_before(
    tmp_path, decided
):
    """What a worker decides in between was in no price: the next run tells it, and asks."""
    (before,) = cast(line("l-1"), state=replace(HALF, enabled=decided is CHIRP, percentage=10_000))
    (after,) = cast(line("l-1"), state=replace(HALF, percentage=10_000))
    job, sent = next_job(before, None)
    spoke = done(job.job_id, casting().key_by(before, WAVENET))
    with open_state(manifest(tmp_path)) as book:
        book.sending([sent])
        lane = lane_for(book)
        lane._unheard.append(job)
        lane.completion = lambda each: spoke if each.job_id == job.job_id else done(each.job_id, after.key)
        await night(book, [after], wanted=TO_MAKE | {LineStatus.VOICE_CHANGED}).run(lane, lambda _: None)
        assert [each.voice for each in lane.sent] == ([] if decided is CHIRP else [after.job.voice])
        (left,) = line_states([after], book.entries, {}, casting())
        assert left.standing is (LineStatus.VOICE_CHANGED if decided is CHIRP else LineStatus.DONE)


async def test_it_stops_soon_and_goes_on_where_it_was(tmp_path):
    casts = cast(*(line(f"l-{n}", text=f"Line {n}.") for n in range(WINDOW * 2)))
    with open_state(manifest(tmp_path)) as book:
        first = night(book, casts)
        lane = lane_for(book)
        await first.run(lane, lambda _: first.stop() if lane.sent else None)
        sent = len(lane.sent)
        assert 0 < sent <= WINDOW
    with open_state(manifest(tmp_path)) as book:
        assert len(book.entries) + len(book.under_way) == sent
        assert len((await run(book, casts)).sent) == len(casts) - sent


def sent_entry(made: VoicedLine) -> tuple:
    _, sent = next_job(made, None)
    return sent, entry_of(sent, done(sent.job_id, made.key))


@given(st.data())
def test_whatever_is_cut_off_the_journals_end_what_was_whole_before_is_kept(tmp_path_factory, data):
    path = manifest(tmp_path_factory.mktemp("cut"))
    casts = cast(*(line(f"l-{n}", text=f"Line {n}.") for n in range(4)))
    pairs = [sent_entry(each) for each in casts]
    lengths = []
    with open_state(path) as book:
        book.begin(Positions(completions={0: 5}, lane={0: 7}))
        for sent, entry in pairs:
            book.sending([sent])
            lengths.append((journal_of(path).stat().st_size, len(book.entries), len(book.under_way)))
            book.ended([entry], {0: 6})
            lengths.append((journal_of(path).stat().st_size, len(book.entries), len(book.under_way)))
    content = journal_of(path).read_bytes()
    cut = data.draw(st.integers(lengths[0][0], len(content)))
    journal_of(path).write_bytes(content[:cut])
    _, entries, under_way = max(each for each in lengths if each[0] <= cut)
    with open_state(path) as book:
        assert (len(book.entries), len(book.under_way)) == (entries, under_way)
        assert book.positions.lane == {0: 7}
        # What comes after is written behind what is whole.
        book.sending([pairs[0][0]])
    with open_state(path) as book:
        assert pairs[0][0].job_id in book.under_way


def test_a_manifest_is_whole_at_every_moment_and_says_each_line_once(tmp_path):
    casts = cast(line("l-1"), line("l-2", text="Two."), line("l-3", text="Three."))
    with open_state(manifest(tmp_path)) as book:
        for sent, entry in map(sent_entry, casts):
            book.sending([sent])
            book.ended([entry, entry], {0: 1})
            book.write(["l-3", "l-2", "l-1"])
            assert len(read_manifest(manifest(tmp_path))) == len(book.entries)
        book.write(["l-3", "l-1"])
    assert list(read_manifest(manifest(tmp_path))) == ["l-3", "l-1"]
    with open_state(manifest(tmp_path)) as book:
        assert list(book.entries) == ["l-3", "l-1"]


async def test_lines_that_may_be_among_those_left_out_are_kept_while_it_runs_and_when_they_end(tmp_path):
    """Written after each completion: the night's own writing must not drop what the end keeps."""
    casts = cast(line("l-1", text="One."), line("l-2", text="Two."), line("l-3", text="Three."))
    (first, ended), (_, other), _ = map(sent_entry, casts)
    job, _ = next_job(casts[0], None)
    with open_state(manifest(tmp_path)) as book:
        book.ended([other], {0: 1})
        book.sending([first])
        lane = lane_for(book)
        lane._unheard.append(job)
        hourly = Clock(monotonic=itertools.count(0, 3600).__next__)
        made = night(book, casts[2:], clock=hourly, keep_others=True)
        await made.run(lane, lambda _: None)
        assert list(read_manifest(manifest(tmp_path))) == ["l-3", "l-2", "l-1"]
        book.write(["l-3"], keep_others=True)
        assert book.entries["l-1"] == ended
        book.write(["l-3"])
    assert list(read_manifest(manifest(tmp_path))) == ["l-3"]


def test_jobs_that_never_got_into_the_lane_are_made_again(tmp_path):
    (made,) = cast(line())
    sent, _ = sent_entry(made)
    with open_state(manifest(tmp_path)) as book:
        book.sending([sent])
        book.unsent([sent.job_id])
    with open_state(manifest(tmp_path)) as book:
        assert not book.under_way


def test_two_commands_dont_work_on_one_manifest(tmp_path):
    with open_state(manifest(tmp_path)) as book:
        book.write([])
        with pytest.raises(RefusedError, match="another `chirp-worker batch`"), open_state(manifest(tmp_path)):
            pass
    with open_state(manifest(tmp_path)):
        pass


@pytest.mark.parametrize("content", ["rubbish\n", '{"line": "a"}\n', "[]\n"])
def test_what_is_no_manifest_is_refused_with_its_line(tmp_path, content):
    manifest(tmp_path).write_text(content)
    with pytest.raises(UsageError, match=r"script\.csv\.manifest\.jsonl:1:"), open_state(manifest(tmp_path)):
        pass


def test_the_page_tells_of_each_line_and_nothing_in_a_text_is_markup():
    wicked = '</script><script>alert("x")</script> & <b>@DATA@</b>'
    lines = [line("l-1", text=f"Well {wicked}".replace("<", "‹")), line("l-2")]
    spoken = lines[0].job.model_copy(update={"text": wicked})
    lines[0] = type(lines[0])(spoken, None, lines[0].place, lines[0].columns)
    (made,) = cast(line("l-2"))
    entry: Entry = sent_entry(made)[1]
    page = page_of(lines, {"l-2": entry}, title="<night>", audio=lambda _: "pip_boy/l-2.ogg")
    assert "<title>&lt;night&gt;</title>" in page
    assert page.count("</script>") == 2
    data = page.partition('id="data">')[2].partition("</script>")[0]
    first, second = json.loads(data)
    assert (first["text"], first["status"], first["audio"]) == (wicked, "not made", None)
    assert (second["status"], second["seconds"], second["audio"]) == ("done", 1.5, "pip_boy/l-2.ogg")
