"""The takes of a line are its own and the candidates of its present text; their names never meet."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from schemas.field_types import JOB_ID_PATTERN
from schemas.job import Job
from tests.unit.batches import done, failed, line, plan
from tests.unit.makers import CHIRP, WAVENET
from tests.unit.rollouts import NOW
from worker.batch.candidates import candidate, candidate_id, parse_candidate_id
from worker.batch.entry import ManifestEntry, build_entry
from worker.batch.file_names import safe_name
from worker.batch.line_status import next_job
from worker.batch.line_takes import LineTakes
from worker.batch.lint.jobs import LONGEST_ID
from worker.batch.manifest import takes_manifest
from worker.batch.scripts.model import MOST_TAKES, Line
from worker.batch.takes_of_line import takes_of_lines
from worker.speech.catalogue_file import load_catalogue

TAKES = LineTakes(load_catalogue(), "takes", NOW)
LINE_IDS = st.from_regex(JOB_ID_PATTERN, fullmatch=True).map(lambda text: text[:LONGEST_ID])
NUMBERS = st.integers(1, MOST_TAKES)


def made(which: Line, **changes: Any) -> ManifestEntry:
    (planned,) = plan(which)
    _, sent = next_job(planned, None)
    completion = done(sent.job_id, sent.key, take=which.job.take, **changes)
    return build_entry(sent, completion)


def test_own_take_and_candidates_stand_in_the_order_of_their_numbers_with_their_files() -> None:
    spoken = line("l-1", take=2)
    others = {each.id: made(each) for each in (candidate(spoken, number, CHIRP) for number in (3, 1))}
    found = takes_of_lines([spoken, line("l-2")], {"l-1": made(spoken)}, others, TAKES)
    assert list(found) == ["l-1"]
    assert [(each.number, each.is_own, each.path) for each in found["l-1"]] == [
        (1, False, "takes/pip_boy/l-1.t1.ogg"),
        (2, True, "pip_boy/l-1.ogg"),
        (3, False, "takes/pip_boy/l-1.t3.ogg"),
    ]


def test_the_own_take_stands_once_though_it_was_made_as_a_candidate() -> None:
    spoken = line("l-1", take=2)
    again = candidate(spoken, 2, CHIRP)
    found = takes_of_lines([spoken], {"l-1": made(spoken)}, {again.id: made(again)}, TAKES)
    assert [(each.number, each.is_own) for each in found["l-1"]] == [(2, True)]


def test_candidates_of_an_earlier_text_and_failed_ones_are_left_out_and_fallbacks_are_not() -> None:
    before, now = line("l-1", text="As it was."), line("l-1", text="As it is.")
    (planned,) = plan(candidate(now, 4, CHIRP))
    _, sent = next_job(planned, None)
    others = {
        each.line: each
        for each in (
            made(candidate(before, 2, CHIRP)),
            made(candidate(now, 3, WAVENET)),
            build_entry(sent, failed(sent.job_id)),
        )
    }
    found = takes_of_lines([now], {"l-1": made(now)}, others, TAKES)
    assert [each.number for each in found["l-1"]] == [1, 3]


def test_a_take_that_workers_speak_in_another_way_than_was_asked_is_still_the_lines() -> None:
    spoken = candidate(line("l-1"), 2, CHIRP)
    entry = made(spoken)
    otherwise = entry.model_copy(update={"asked": entry.key, "key": "takes/pip_boy/chirp3-hd/00/0.ogg"})
    found = takes_of_lines([line("l-1")], {}, {spoken.id: otherwise}, TAKES)
    assert [each.number for each in found["l-1"]] == [2]


def test_a_line_whose_character_has_left_the_catalogue_has_no_candidates() -> None:
    spoken = candidate(line("l-1"), 2, CHIRP)
    gone = replace(line("l-1"), job=line("l-1").job.model_copy(update={"character": "nobody"}))
    assert takes_of_lines([gone], {}, {spoken.id: made(spoken)}, TAKES) == {}


@given(LINE_IDS, LINE_IDS, NUMBERS, NUMBERS)
def test_a_candidates_id_says_its_line_and_number_and_two_never_share_a_file(
    one: str, other: str, first: int, second: int
) -> None:
    assert parse_candidate_id(candidate_id(one, first)) == (one, first)
    same_file = safe_name(candidate_id(one, first)) == safe_name(candidate_id(other, second))
    assert not same_file or (first == second and one.replace(":", "_") == other.replace(":", "_"))


@given(LINE_IDS, NUMBERS)
def test_a_candidates_jobs_have_valid_ids_up_to_the_ninth(line_id: str, number: int) -> None:
    (planned,) = plan(candidate(line(line_id), number, CHIRP))
    _, sent = next_job(planned, None)
    job, _ = next_job(planned, build_entry(sent.model_copy(update={"made": 8}), done(sent.job_id, sent.key)))
    assert Job.model_validate(job.model_dump(mode="json", exclude_none=True)).job_id.endswith(":9")


def test_a_candidate_keeps_the_voice_that_its_line_names() -> None:
    assert candidate(line("l-1", voice="wavenet"), 2, CHIRP).job.voice == "wavenet"
    assert candidate(line("l-1"), 2, CHIRP).job.voice == "chirp3-hd"


def test_the_candidates_manifest_lies_beside_the_scripts() -> None:
    assert takes_manifest(Path("act/lines.csv.manifest.jsonl")) == Path("act/lines.csv.takes.manifest.jsonl")
    assert takes_manifest(Path("night.jsonl")) == Path("night.jsonl.takes.manifest.jsonl")
