"""Searching lines: what matches, which ones are kept, and what their completions add."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from schemas.completion import Completion
from schemas.enums import JobStatus, Lane
from worker.console.web.lines.search import LineSearch


def sent(number: int, text: str = "Dinner is served.", character: str = "ghoul", **more: Any) -> SimpleNamespace:
    value = json.dumps({"job_id": f"job-{number}", "character": character, "text": text, **more}).encode()
    return SimpleNamespace(topic="t.dialogue", timestamp=1_800_000_000_000 + 1000 * number, value=value)


def completed(number: int, character: str = "ghoul") -> SimpleNamespace:
    done = Completion(job_id=f"job-{number}", status=JobStatus.EXPIRED, lane=Lane.DIALOGUE, character=character)
    return SimpleNamespace(
        topic="t.completions", timestamp=1_800_000_000_000 + 1000 * number + 1, value=done.model_dump_json().encode()
    )


def found(search: LineSearch, *records: SimpleNamespace) -> list[str]:
    for each in records:
        search.add(each)
    return [each.job_id for each in search.found()]


def test_a_text_is_found_whatever_its_case_and_however_json_writes_it() -> None:
    assert found(LineSearch(None, "DINNER", "t"), sent(1), sent(2, "Supper.")) == ["job-1"]
    assert found(LineSearch(None, "準備", "t"), sent(1, "晚餐準備好了。")) == ["job-1"]
    assert found(LineSearch(None, "dinner", "t"), sent(1, "", ssml="<speak>Dinner</speak>")) == ["job-1"]


def test_character_and_text_must_both_match() -> None:
    records = sent(1), sent(2, character="raider"), sent(3, "Supper.")
    assert found(LineSearch("ghoul", "dinner", "t"), *records) == ["job-1"]
    assert found(LineSearch("ghoul", "", "t"), *records) == ["job-3", "job-1"]


def test_a_completion_is_shown_with_its_line_and_alone_where_no_lane_keeps_the_job() -> None:
    search = LineSearch("ghoul", "", "t")
    assert found(search, sent(1), completed(1), completed(2), completed(3, "raider")) == ["job-2", "job-1"]
    assert [each.text for each in search.found()] == ["", "Dinner is served."]
    assert all(each.completion is not None for each in search.found())
    # A text can't be looked for in what has none.
    assert found(LineSearch(None, "dinner", "t"), completed(2)) == []


def test_what_is_no_job_is_passed_over() -> None:
    strange = [b"", b"[1]", b"\xff", b'{"job_id": 1, "text": "dinner"}', b'{"job_id": "a", "text": ["dinner"]}', None]
    records = [SimpleNamespace(topic="t.dialogue", timestamp=1, value=each) for each in strange]
    records += [SimpleNamespace(topic="t.completions", timestamp=1, value=each) for each in strange]
    assert found(LineSearch(None, "dinner", "t"), *records) == []


@given(st.permutations(range(1, 30)))
def test_of_many_matches_the_newest_are_kept_and_all_are_counted(order: list[int]) -> None:
    search = LineSearch(None, "", "t", most=5)
    assert found(search, *map(sent, order)) == [f"job-{n}" for n in (29, 28, 27, 26, 25)]
    assert search.matches == 29
