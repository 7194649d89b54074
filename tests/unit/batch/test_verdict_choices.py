"""What verdicts and people choose, and which choices of a script's file they leave."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.verdict import LineVerdict
from tests.unit.batch.test_candidate_plan import chosen
from tests.unit.batch.test_takes_of_line import made
from tests.unit.batches import line
from tests.unit.makers import CHIRP
from worker.batch.candidates import candidate
from worker.batch.choice import Choice, parse_choices
from worker.batch.choices import choose, read_choices, write_choices
from worker.batch.takes_of_line import LineTake
from worker.batch.verdict_choices import NewChoices, choices_of_verdicts

OWN, SECOND = "a" * 64, "b" * 64
AT = "2026-11-29T16:00:00+00:00"


def found(present: Choice | None = None, used: int = 1, **said: Any) -> NewChoices:
    spoken = line("l-1")
    entries = [made(spoken), made(candidate(spoken, 2, CHIRP))]
    takes = [
        LineTake(number, entry.model_copy(update={"sha256": sha256}), is_own=number == 1)
        for number, entry, sha256 in zip((1, 2), entries, (OWN, SECOND), strict=True)
    ]
    verdicts = {"l-1": LineVerdict.model_validate({"line": "l-1", "by": "mei", "at": "2026-11-29T16:00:00Z", **said})}
    lines = {"l-1": spoken if used == 1 else chosen(spoken, used)}
    return choices_of_verdicts(verdicts, lines, {"l-1": takes}, {"l-1": present} if present else {})


def test_a_named_take_is_chosen_by_whom_and_when_the_verdict_says() -> None:
    assert found(take=2, sha256=SECOND).chosen == {"l-1": Choice(2, "mei", AT)}
    assert found(take=7).chosen == {"l-1": Choice(7, "mei", AT)}
    assert found(take=2, at=None).chosen == {"l-1": Choice(2, "mei", "")}


def test_an_accepted_reading_is_chosen_unless_it_is_used_already() -> None:
    assert found(verdict="accept", sha256=SECOND).chosen == {"l-1": Choice(2, "mei", AT)}
    assert found(verdict="accept", sha256=OWN).chosen == {}
    assert found(verdict="accept", sha256=OWN, used=2).chosen == {"l-1": Choice(1, "mei", AT)}
    assert found(verdict="accept").chosen == {}
    assert found(verdict="redo", sha256=SECOND).chosen == {}


def test_what_was_heard_of_another_text_chooses_nothing_and_is_named() -> None:
    of_other_text = found(take=2, sha256="c" * 64)
    assert of_other_text.chosen == {}
    assert of_other_text.sentences == ["left as it is: 'l-1' has changed since it was heard"]
    unknown = choices_of_verdicts({"l-9": LineVerdict(line="l-9", take=2)}, {}, {}, {})
    assert unknown.sentences == ["left as it is: 'l-9' is no line of the script"]


@pytest.mark.parametrize(
    ("present", "stays"),
    [
        (Choice(3, "lena", "2026-11-29T15:59:59+00:00"), False),
        (Choice(3, "lena", AT), False),
        (Choice(3, "lena", "2026-11-29T16:00:01+00:00"), True),
        (Choice(3), True),
        (Choice(3, "lena", "yesterday"), True),
    ],
)
def test_a_later_choice_and_one_by_hand_stay(present: Choice, stays: bool) -> None:
    result = found(present, used=3, take=2)
    assert (result.chosen == {}) is stays
    assert (result.by_hand == ["l-1"]) is (stays and present.at[:4] != "2026")


def test_typed_choices_are_by_hand_and_an_empty_one_removes(tmp_path: Any) -> None:
    path = tmp_path / "script.csv.choices.yaml"
    write_choices(path, {"l-1": Choice(2, "mei", AT), "l-2": Choice(3)})
    typed = dict(parse_choices(["l-1=4", "a=b=5", "l-2="], "anna"))
    assert choose(path, typed) == {"l-1": Choice(4, "anna"), "a=b": Choice(5, "anna")}
    assert read_choices(path) == {"l-1": Choice(4, "anna"), "a=b": Choice(5, "anna")}
    assert read_choices(path)["l-1"].is_by_hand


def test_choosing_what_is_chosen_writes_nothing(tmp_path: Any) -> None:
    path = tmp_path / "script.csv.choices.yaml"
    path.write_text("l-1: 2  # the dry one\n", encoding="utf-8")
    assert choose(path, {"l-1": Choice(2)}) == {"l-1": Choice(2)}
    assert "the dry one" in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("text", ["l-1", "=2", "l-1=0", "l-1=-1", "l-1=two", "l-1=1000000", "l-1=２", ""])
def test_another_form_is_refused_with_what_is_allowed(text: str) -> None:
    with pytest.raises(ValueError, match=r"allowed is LINE=2, with a whole number from 1, or LINE= for no choice"):
        dict(parse_choices([text], ""))


@given(st.text(max_size=20))
def test_any_text_is_a_choice_or_refused(text: str) -> None:
    try:
        parsed = dict(parse_choices([text], ""))
    except ValueError:
        return
    assert all(each is None or each.take > 0 for each in parsed.values())
