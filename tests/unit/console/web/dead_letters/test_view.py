"""The dead letters' pages: causes, one letter whole, what a replay sends."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from schemas.enums import Lane
from schemas.errors import UsageError
from tests.unit.rollouts import NOW
from worker.console.web.dead_letters.selection import read_request, read_selection
from worker.console.web.dead_letters.view import (
    by_cause,
    edited_example,
    planned_by_cause,
    shown_letters,
    whole_letter,
)
from worker.kafka.dead_letters.decoder import DeadLetter, Replays
from worker.kafka.dead_letters.filter import LetterFilter
from worker.kafka.dead_letters.replay_plan import plan_replay


def letter(number: int, failure_class: str = "timeout", **changes: object) -> DeadLetter:
    value = json.dumps({"job_id": f"job-{number}", "character": "pip_boy", "text": "Hello — 你好"}).encode()
    made = DeadLetter(
        id=f"{number:016x}", key=b"k", value=value, size=len(value), headers=[("trace", b"\xff")],
        failure_class=failure_class, code="DEADLINE", message=f"message {number}", field="", lane=Lane.DIALOGUE,
        topic="tts.dialogue", partition=0, offset=number, tries=1, first_seen=None, time=NOW + timedelta(hours=number),
        attempts="", truncated=False, job_id=f"job-{number}", character="pip_boy",
    )  # fmt: skip
    return replace(made, **changes)  # type: ignore[arg-type]


def test_letters_are_grouped_by_cause_the_most_first_with_the_newest_message() -> None:
    letters = [
        letter(0),
        letter(1, "denied"),
        letter(2, replays=Replays(1)),
        letter(3, "denied", character=None),
        letter(4),
    ]
    timeout, denied = by_cause(letters)
    assert (timeout.failure_class, timeout.letters, timeout.replayed, timeout.example) == ("timeout", 3, 1, "message 4")
    assert (timeout.first, timeout.last) == (NOW, NOW + timedelta(hours=4))
    assert denied.characters == [("pip_boy", 1), ("", 1)]
    assert len(by_cause([letter(0), letter(1, code="OTHER"), letter(2, field="text")])) == 3


def test_a_whole_letter_is_readable_json_and_what_is_no_text_is_escaped() -> None:
    whole = whole_letter(letter(1))
    assert json.loads(whole.value)["text"] == whole.text == "Hello — 你好"
    assert "\n  " in whole.value
    assert whole.headers == [("trace", "\\xff")]
    assert whole.attempts == ()
    garbage = whole_letter(letter(1, value=b"\xfe<b>", key=None, attempts="[nonsense"))
    assert (garbage.value, garbage.text, garbage.key, garbage.attempts) == ("\\xfe<b>", None, "", None)
    assert whole_letter(letter(1, value=None)).value == ""


def test_of_a_huge_value_the_beginning_is_shown() -> None:
    whole = whole_letter(letter(1, value=b"x" * 30_000))
    assert (len(whole.value), whole.shortened) == (20_000, 30_000)


def test_a_replay_is_known_again_by_its_letters_lanes_and_values() -> None:
    letters = [letter(0), letter(1), letter(2, "denied")]
    digests = [
        shown_letters(plan_replay(chosen, read_request(form, 1000, lambda _: None)))
        for chosen, form in (
            (letters, {}), (letters[:2], {}), (letters, {"to_lane": "batch"}), (letters, {"edits": "text=Hi"}),
        )
    ]  # fmt: skip
    assert len(set(digests)) == 4
    assert digests[0] == shown_letters(plan_replay(letters, read_request({"edits": " \n"}, 1000, lambda _: None)))
    plan = plan_replay(letters, read_request({"edits": "text=Hi\n\naudio.encoding=MP3"}, 1000, lambda _: None))
    assert planned_by_cause(plan) == [("timeout", "DEADLINE", "dialogue", 2), ("denied", "DEADLINE", "dialogue", 1)]
    shown = edited_example(plan)
    assert shown is not None
    assert json.loads(shown[0])["text"] == "Hello — 你好"
    assert (json.loads(shown[1])["text"], json.loads(shown[1])["audio"]) == ("Hi", {"encoding": "MP3"})
    assert edited_example(plan_replay([], read_request({}, 1000, lambda _: None))) is None


def test_a_selection_is_what_the_form_says_and_empty_fields_say_nothing() -> None:
    assert read_selection({"character": " ", "class": "", "other": "x"}, NOW) == LetterFilter()
    chosen = read_selection(
        {"character": "ghoul", "class": "timeout", "lane": "batch", "since": "2h", "replayed": "no", "id": "ab"}, NOW
    )
    assert chosen == LetterFilter(
        character="ghoul", failure_class="timeout", lane=Lane.BATCH, since=NOW - timedelta(hours=2), replayed=False,
        ids=("ab",),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("field", "value"),
    [("class", "timeuot"), ("lane", "fast"), ("since", "yesterday"), ("until", "2"), ("replayed", "maybe")],
)
def test_a_field_that_is_wrong_is_named_with_what_is_allowed(field: str, value: str) -> None:
    with pytest.raises(UsageError, match=f"{field}.*{value}.*allowed is"):
        read_selection({field: value}, NOW)


@pytest.mark.parametrize(("field", "value"), [("to_lane", "fast"), ("edits", "text"), ("edits", "=x")])
def test_a_replay_that_is_asked_for_wrongly_is_refused(field: str, value: str) -> None:
    with pytest.raises(UsageError, match="allowed is"):
        read_request({field: value}, 1000, lambda _: None)
