"""The choices beside a script: read, written in one order, merged by line, and what of them reaches a run."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import UsageError
from tests.unit.batches import line
from worker.batch.choices import Choice, choices_path, read_choices, with_choices, write_choices
from worker.batch.scripts.model import Script

IDS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20)
CHOICES = st.builds(
    Choice, st.integers(1, 999_999), st.sampled_from(["", "mei", "a: b"]), st.sampled_from(["", "2026"])
)


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "lines.csv.choices.yaml"
    path.write_text(text, encoding="utf-8")
    return path


@given(st.dictionaries(IDS, CHOICES, max_size=8))
def test_what_is_written_is_read_again_and_the_order_of_choosing_changes_no_byte(
    tmp_path_factory: pytest.TempPathFactory, choices: dict[str, Choice]
) -> None:
    path = tmp_path_factory.mktemp("choices") / "x.choices.yaml"
    write_choices(path, choices)
    content = path.read_bytes()
    assert read_choices(path) == choices
    assert content.count(b"\n") == len(choices)
    write_choices(path, dict(reversed(choices.items())))
    assert path.read_bytes() == content


def test_a_number_alone_is_enough_and_ids_stay_texts(tmp_path: Path) -> None:
    path = written(tmp_path, '# by hand\nintro-2: 2\n12: 3\nno: {take: 4}\n"scene:3": {take: 5, by: mei, at: now}\n')
    assert read_choices(path) == {
        "intro-2": Choice(2), "12": Choice(3), "no": Choice(4), "scene:3": Choice(5, "mei", "now"),
    }  # fmt: skip
    assert read_choices(tmp_path / "none.yaml") == {}
    assert read_choices(written(tmp_path, "")) == {}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: 1\nb: 0\n", ":2: take='0'"),
        ("a: x\n", ":1: take='x'"),
        ("a: {by: mei}\n", ":1: the take is missing"),
        ("a: {take: 2, note: x}\n", ":1: 'note' is no field"),
        ("a: 1\n\na: 2\n", ":3: the line 'a' stands twice"),
        ("<<<<<<< HEAD\na: 1\n=======\na: 2\n>>>>>>> theirs\n", "is no YAML"),
        ("- a\n", ":1: a choice is"),
        ("a: [1]\n", ":1: the take is missing"),
        ("a: 1234567\n", "allowed is a whole number"),
    ],
)
def test_a_wrong_choice_is_named_by_its_place(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(UsageError) as refused:
        read_choices(written(tmp_path, text))
    assert said in str(refused.value)
    assert "lines.csv.choices.yaml" in str(refused.value)


def test_a_chosen_take_stands_in_place_of_the_scripts_own_and_a_choice_of_no_line_is_a_warning() -> None:
    script = Script((line("a"), line("b", take=3)), ())
    path = choices_path(Path("/s/lines.csv"))
    assert path == Path("/s/lines.csv.choices.yaml")
    changed = with_choices(script, {"b": Choice(2), "gone": Choice(2)}, path)
    assert [(each.id, each.job.take) for each in changed.lines] == [("a", 1), ("b", 2)]
    (warning,) = changed.findings
    assert str(warning).startswith("lines.csv.choices.yaml:1: warning: 'gone' is no line")
    assert with_choices(script, {}, path) == script
