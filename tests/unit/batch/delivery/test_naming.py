"""Names of delivered files: valid everywhere, inside of the folder, and each line's own."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import UsageError
from worker.batch.delivery.naming import FIELDS, check_different, check_template, file_name

VALUES = {"language": "en-US", "character": "ghoul", "scene": "vault", "id": "l:1", "take": "2", "ext": "wav"}


@pytest.mark.parametrize(
    ("template", "named"),
    [
        ("{id}.{ext}", "l_1.wav"),
        ("{language}/{character}/{id}.{ext}", "en-US/ghoul/l_1.wav"),
        ("voice/{scene}-{id}_take{take}.{ext}", "voice/vault-l_1_take2.wav"),
    ],
)
def test_a_template_names_a_file_of_its_fields(template: str, named: str) -> None:
    check_template(template)
    assert file_name(template, VALUES) == named


@pytest.mark.parametrize(
    ("template", "why"),
    [
        ("{line}.{ext}", "{line} is no field; the fields are {language}"),
        ("{character}.{ext}", "has {id}"),
        ("{id}.wav", "ends with .{ext}"),
        ("/{id}.{ext}", "below the folder"),
        ("a/../{id}.{ext}", "below the folder"),
        ("a//{id}.{ext}", "below the folder"),
        ("a\\{id}.{ext}", "allowed are names"),
        ("{{id}}.{ext}", "allowed are names"),
    ],
)
def test_a_template_that_cant_be_used_is_refused_with_what_is_allowed(template: str, why: str) -> None:
    with pytest.raises(UsageError) as refused:
        check_template(template)
    assert why in str(refused.value)


@given(st.fixed_dictionaries({field: st.text(max_size=20) for field in FIELDS if field != "ext"}))
def test_no_value_leads_out_of_the_folder(values: dict[str, str]) -> None:
    named = PurePosixPath(file_name("{language}/{character}/{scene}/{id}-{take}.{ext}", values | {"ext": "wav"}))
    assert len(named.parts) == 4
    assert not {"..", ".", "/", ""} & {*named.parts}
    assert not set('<>:"\\|?*\0') & set(str(named))


def test_lines_that_share_a_file_are_refused_and_case_makes_no_difference() -> None:
    check_different([("a", "en/a.wav"), ("b", "en/b.wav")])
    with pytest.raises(UsageError, match=r"2 lines would get one file, en/a.wav: a, A; a template with more fields"):
        check_different([("a", "en/a.wav"), ("A", "en/A.wav"), ("b", "en/b.wav")])
