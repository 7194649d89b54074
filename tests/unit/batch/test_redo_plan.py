"""A redo makes each rejected line's next take, goes on after an interruption, and serves a verdict once."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.enums import VerdictChoice
from schemas.errors import UsageError
from schemas.verdict import LineVerdict
from tests.unit.batch.test_candidate_plan import chosen
from tests.unit.batch.test_takes_of_line import TAKES, made
from tests.unit.batches import failed, line, plan
from tests.unit.makers import CHIRP, WAVENET
from worker.batch.candidates import candidate, candidate_id
from worker.batch.entry import ManifestEntry, build_entry
from worker.batch.journal import JournalEntry
from worker.batch.known_takes import KnownTakes
from worker.batch.line_status import next_job
from worker.batch.redo_plan import (
    LastRedo,
    Rejected,
    continued_numbers,
    new_candidates,
    next_numbers,
    rejected_by_verdicts,
    rejected_lines,
    unserved,
)
from worker.batch.scripts.model import MOST_TAKES, Line
from worker.batch.state import BatchState, open_state, read_state

NOTHING = LastRedo((), {}, ())
HEARD = "a" * 64


def known(*own: ManifestEntry, candidates: tuple[ManifestEntry, ...] = ()) -> KnownTakes:
    return KnownTakes({each.line: each for each in own}, {each.line: each for each in candidates}, TAKES)


def take(of: Line, number: int, sha256: str = "0" * 64) -> ManifestEntry:
    return made(candidate(of, number, CHIRP)).model_copy(update={"sha256": sha256})


def verdict(line_id: str, **fields: Any) -> LineVerdict:
    return LineVerdict.model_validate({"line": line_id, "verdict": "redo", **fields})


_NUMBERS = st.sets(st.integers(1, 10))


@given(st.integers(1, 10), st.integers(1, 10), _NUMBERS, st.tuples(_NUMBERS, _NUMBERS), st.integers(1, 3))
def test_the_next_number_is_one_above_all_takes_that_are_known(
    own: int, used: int, candidates: set[int], jobs: tuple[set[int], set[int]], count: int
) -> None:
    stored, in_flight = jobs
    spoken = line("l-1", take=own)
    takes = known(made(spoken), candidates=tuple(take(spoken, number) for number in candidates))
    last = LastRedo((), {}, [candidate_id("l-1", number) for number in in_flight])
    numbers = next_numbers(chosen(spoken, used), takes, stored, last, count)
    above = max(own, used, *candidates, *(stored - in_flight), 0)
    assert numbers == list(range(above + 1, above + 1 + count))


def test_a_take_that_failed_or_is_in_flight_is_the_next_one() -> None:
    spoken = line("l-1")
    (planned,) = plan(candidate(spoken, 2, CHIRP))
    _, sent = next_job(planned, None)
    ended = build_entry(sent, failed(sent.job_id))
    assert next_numbers(spoken, known(made(spoken), candidates=(ended,)), (), NOTHING, 1) == [2]
    flying = LastRedo((), {}, ["l-1.t2"])
    assert next_numbers(spoken, known(made(spoken)), [1, 2], flying, 1) == [2]


def test_takes_of_an_earlier_text_take_no_number() -> None:
    before, now = line("l-1", text="As it was."), line("l-1", text="As it is.")
    assert next_numbers(now, known(made(now), candidates=(take(before, 5),)), (), NOTHING, 1) == [2]


def test_a_line_with_the_most_takes_is_refused_and_the_message_says_what_to_do() -> None:
    spoken = line("l-1", take=MOST_TAKES - 1)
    assert next_numbers(spoken, known(made(spoken)), (), NOTHING, 1) == [MOST_TAKES]
    with pytest.raises(UsageError, match="'l-1' has take 19, and 20 is the highest number: choose one"):
        next_numbers(spoken, known(made(spoken)), (), NOTHING, 2)


def test_a_line_without_a_take_of_its_present_text_is_refused_with_what_to_do() -> None:
    spoken, edited = line("l-1"), line("l-2", text="Edited.")
    (planned,) = plan(line("l-3"))
    _, sent = next_job(planned, None)
    takes = known(made(spoken), made(line("l-2", text="As it was.")), build_entry(sent, failed(sent.job_id)))
    lines = {each.id: each for each in (spoken, edited, line("l-3"), line("l-4"))}
    assert [each.line.id for each in rejected_lines(["l-1", "l-1"], lines, takes)] == ["l-1"]
    for line_id, message in {
        "l-2": "was edited since it was made: run `chirp-worker batch`, with --remake for its voice",
        "l-3": "has no audio: `chirp-worker batch retry` tries it again",
        "l-4": "was never made: run `chirp-worker batch` first",
        "l-5": "is no line of the script",
    }.items():
        with pytest.raises(UsageError, match=f"'{line_id}' {message}"):
            rejected_lines([line_id], lines, takes)


def test_a_line_whose_choice_was_not_made_yet_has_a_take_to_be_redone() -> None:
    spoken = line("l-1")
    assert rejected_lines(["l-1"], {"l-1": chosen(spoken, 2)}, known(made(spoken)))


def test_a_verdict_on_what_the_line_has_no_more_is_passed_over_with_a_word() -> None:
    spoken = line("l-1")
    takes = known(made(spoken), candidates=(take(spoken, 2, HEARD),))
    verdicts = {
        "l-1": verdict("l-1", sha256=HEARD),
        "l-9": verdict("l-9"),
        "l-0": LineVerdict(line="l-0", verdict=VerdictChoice.ACCEPT),
    }
    found, sentences = rejected_by_verdicts(verdicts, {"l-1": spoken}, takes, NOTHING)
    assert [each.line.id for each in found] == ["l-1"]
    assert [each for each in sentences if "'l-9' is no line of the script" in each] == sentences
    other = {"l-1": verdict("l-1", sha256="b" * 64)}
    found, (sentence,) = rejected_by_verdicts(other, {"l-1": spoken}, takes, NOTHING)
    assert (found, "'l-1' has changed since it was heard" in sentence) == ([], True)


def test_a_verdict_is_served_once_and_a_later_one_on_the_same_take_again() -> None:
    spoken = line("l-1")
    first = made(spoken).model_copy(update={"sha256": HEARD})
    said = verdict("l-1", sha256=HEARD, at="2026-11-29T16:00:00Z")
    ((before,), _) = rejected_by_verdicts({"l-1": said}, {"l-1": spoken}, known(first), NOTHING)
    takes = known(first, candidates=(take(spoken, 2),))
    last = LastRedo((), {"l-1.t2": before.verdict}, ())
    (again, _) = rejected_by_verdicts({"l-1": said}, {"l-1": spoken}, takes, last)
    assert unserved(again, 1, last) == ([], ["left as it is: for this verdict 'l-1' has got take 2 already"])
    later = verdict("l-1", sha256=HEARD, at="2026-11-29T17:00:00Z")
    (once_more, _) = rejected_by_verdicts({"l-1": later}, {"l-1": spoken}, takes, last)
    assert [each.line.id for each in unserved(once_more, 1, last)[0]] == ["l-1"]


def test_a_redo_that_did_not_end_goes_on_for_the_same_lines_alone() -> None:
    lines = [Rejected(line("l-1"), "m", served=2), Rejected(line("l-2"))]
    last = LastRedo(("l-1.t2", "l-2.t4"), {}, ())
    assert continued_numbers(lines, 1, last) == {"l-1": [2], "l-2": [4]}
    # What is made of it already is part of its result; to another redo it has been served.
    assert unserved(lines, 1, last) == (lines, [])
    more = [*lines, Rejected(line("l-3"))]
    assert continued_numbers(more, 1, last) is None
    assert [each.line.id for each in unserved(more, 1, last)[0]] == ["l-2", "l-3"]
    assert continued_numbers(lines, 2, last) is None
    assert continued_numbers(lines, 1, NOTHING) is None


def test_new_takes_get_the_model_of_the_lines_take_or_the_one_that_is_named() -> None:
    spoken = line("l-1")
    fallback = made(spoken).model_copy(update={"decided": CHIRP})
    rejected, takes = [Rejected(spoken)], known(fallback)
    voices = [each.job.voice for each in new_candidates(rejected, {"l-1": [2, 3]}, takes, None)]
    assert voices == ["chirp3-hd", "chirp3-hd"]
    assert [each.job.voice for each in new_candidates(rejected, {"l-1": [2]}, takes, WAVENET)] == ["wavenet"]


def test_what_a_redo_is_to_make_survives_a_crash_and_the_compaction_of_the_journal(tmp_path: Any) -> None:
    manifest = tmp_path / "script.csv.takes.manifest.jsonl"
    with open_state(manifest) as state:
        state.record_asked(["l-1.t2", "l-2.t2"], {"l-1.t2": "mark"})
    with open_state(manifest) as state:
        state.record_ended([take(line("l-1"), 2)], {0: 1})
        state.write((), keep_others=True)
    state = read_state(manifest)
    assert (state.asked, state.served, list(state.entries)) == (("l-1.t2", "l-2.t2"), {"l-1.t2": "mark"}, ["l-1.t2"])
    with open_state(manifest) as state:
        state.record_asked((), {})
    state = read_state(manifest)
    assert (state.asked, state.served) == ((), {"l-1.t2": "mark"})


def test_a_journal_of_a_run_has_nothing_of_a_redo(tmp_path: Any) -> None:
    state = BatchState(tmp_path / "none.jsonl", [JournalEntry()])
    assert (state.asked, state.served) == ((), {})


def test_the_time_of_a_verdict_is_part_of_what_it_is_known_by() -> None:
    spoken = line("l-1")
    said = {"l-1": verdict("l-1", at="2026-11-29T16:00:00Z")}
    ((found,), _) = rejected_by_verdicts(said, {"l-1": spoken}, known(made(spoken)), NOTHING)
    assert found.verdict == "2026-11-29T16:00:00+00:00"
