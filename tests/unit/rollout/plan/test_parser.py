"""Plan files: what is parsed, and that all errors are reported at once, with their lines and what to write."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import jsonschema
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.makers import CATALOGUE
from worker.rollout.plan.checked_file import LARGEST_BYTES
from worker.rollout.plan.document import InvalidFileError
from worker.rollout.plan.file import BUILT_IN, read_plan_file
from worker.rollout.plan.model import Plan
from worker.rollout.plan.parser import PlanFile, parse_plan
from worker.rollout.plan.rehearsal import rehearse
from worker.rollout.plan.schema import TARGET, schema_text
from worker.rollout.plan.units import DAY, format_duration, parse_duration

NAMES = CATALOGUE.names
GOOD = """\
version: 1
name: mine
stages:
  - name: "1"
    percentage: 12.5
    characters: [pip_boy]
    at_least: 24h
"""


def read(text: str) -> PlanFile:
    return parse_plan(text, "mine.yaml", NAMES)


def refused(text: str) -> list[str]:
    with pytest.raises(InvalidFileError) as caught:
        read(text)
    assert all(f"mine.yaml, {each}" in str(caught.value) for each in caught.value.findings)
    return [str(each) for each in caught.value.findings]


def built_in(name: str) -> Plan:
    return parse_plan(read_plan_file(name)[1], name, NAMES).plan


def test_a_plan_is_parsed_and_knows_the_line_of_each_field() -> None:
    file = read(GOOD)
    assert file.plan.stages[0].percentage == 1_250
    assert file.plan.stages[0].characters == {"pip_boy"}
    assert file.line("stages", 0, "percentage") == 5
    assert file.line("stages", 0, "approvals") == file.line("stages", 0) == 4
    assert file.line("limits") == 1


@pytest.mark.parametrize(
    ("good", "bad", "reported"),
    [
        ("characters: [pip_boy]", "characters: []", "line 6: stages[0].characters: []: must be all, or a list of at"),
        ("characters: [pip_boy]", "characters: [[a]]", "line 6: stages[0].characters: [['a']]: must be a list of"),
        ("[pip_boy]", "[pip_boi]", "line 6: stages[0].characters[0]: 'pip_boi' is no character; write pip_boy"),
        ("at_least: 24h", "at_least: 24", "line 7: stages[0].at_least: 24: must be a whole number and a unit"),
        ("at_least: 24h", "at_least: 999999w", "line 7: stages[0].at_least: '999999w': must be at most 520w"),
        ("at_least: 24h", "at_lest: 24h", "line 7: stages[0].at_lest: there is no such field; write at_least"),
        ("    at_least: 24h\n", "", "line 4: stages[0].at_least: is missing; write at_least: …"),
        ("percentage: 12.5", "percentage: 12.555", "line 5: stages[0].percentage: 12.555: must have at most two dec"),
        ("percentage: 12.5", "percentage: 101", "line 5: stages[0].percentage: 101: must be a number from 0 to 100"),
        ('name: "1"', "name: 1", 'line 4: stages[0].name: 1: input should be a valid string; in quotes: "1"'),
        ("name: mine", "name: mine\nname: yours", "line 3: name: appears twice, first in line 2; keep one of them"),
        ("name: mine", "name: mine\nwindows:", "line 3: windows: is nothing; it has fields or entries of its own; lea"),
        ("name: mine", "name: mine\nzzz: 1", "line 3: zzz: there is no such field; the fields are bounds, control"),
        ("name: mine", "name: mine\nexpects: {shares: {dogmeat: 1}}", "line 3: expects.shares.dogmeat: 'dogmeat' is"),
        ("  - name", "\t- name", "line 4: a tab; indent with spaces: YAML allows no tabs there"),
        ("version: 1", "version: !!python/name:os.system 1", "line 1: a tag (tag:yaml.org,2002:python/name:"),
        ("name: mine", "name: [mine", "line 3: not valid YAML: "),
        ("name: mine", "name: 2026-02-31", "line 1: a value that YAML can't read (day is out of range for month)"),
    ],
)  # fmt: skip
def test_an_error_names_its_line_and_what_to_write(good: str, bad: str, reported: str) -> None:
    assert good in GOOD
    assert any(each.startswith(reported) for each in refused(GOOD.replace(good, bad))), refused(GOOD.replace(good, bad))


def test_all_errors_are_reported_at_once_in_the_order_of_the_lines() -> None:
    text = GOOD.replace("[pip_boy]", "[pip_boi]").replace("24h", "long").replace("12.5", "-1") + "    at_least: 1d\n"
    found = [line.split(":")[0] for line in refused("nmae: x\n" + text)]
    assert found == ["line 1", "line 6", "line 7", "line 9"]


@pytest.mark.parametrize(
    "text", ["", "- 1", "7", "stages: 3", "stages: [1]", "expects: {shares: 3}", "a: \0", "\ufeff{"]
)
def test_a_text_that_is_no_plan_is_refused_with_a_message(text: str) -> None:
    assert refused(text)


@pytest.mark.parametrize(
    "tagged", ["!!bool maybe", "!!timestamp x", "!!null x", '!!float "1.5"', '!!int "5"', "!mine x"]
)
@pytest.mark.parametrize("good", ["name: mine", "text: "])
def test_a_tag_that_says_of_a_value_what_it_is_not_is_an_error_with_its_line(tagged: str, good: str) -> None:
    text = GOOD.replace("name: mine", f"name: {tagged}") if good == "name: mine" else f"{GOOD}{tagged}: 1\n"
    (told,) = refused(text)
    assert "a tag (" in told
    assert told.endswith("use plain values: tags are not allowed")


def test_a_text_that_is_too_long_is_refused_before_it_is_parsed() -> None:
    assert refused("#" * (LARGEST_BYTES + 1)) == [
        "line 1: 65,537 characters; allowed are 65,536; leave out what isn't needed"
    ]


@pytest.mark.parametrize(
    "number",
    [
        *(
            "0x" + "f" * 5000,
            "0x1F",
            "0b11",
            "010",
            "1_000",
            "1:30",
            "1:30.5",
            "9" * 33,
            "9" * 5000,
            "-0x1",
            "+.inf",
            ".nan",
        ),
        *("00", "1__0", "0." + "1" * 40, "!!int 0x" + "f" * 5000, "!!float 0x1"),
    ],
    ids=lambda number: number[:12],
)
@pytest.mark.parametrize("line", ["name: mine", "    percentage: 12.5", "    at_least: 24h", '  - name: "1"'])
def test_a_number_in_a_notation_that_yaml_alone_knows_is_refused_wherever_it_stands(number: str, line: str) -> None:
    field = line.partition(":")[0]
    (finding,) = refused(GOOD.replace(line, f"{field}: {number}"))
    assert "no decimal number of at most 32 characters; write it as such, or in quotes if it is a text" in finding
    assert len(finding) < 250
    (finding,) = refused(f"? {number}\n: 1\n{GOOD}")
    assert finding.startswith("line 1: ")


@pytest.mark.parametrize("number", ["12", "12.50", "12.", ".5", "0", "0.5", "+12.5", "1.0e+1"])
def test_decimal_numbers_are_numbers(number: str) -> None:
    assert read(GOOD.replace("12.5", number)).plan.stages[0].percentage == round(float(number) * 100)


def test_in_quotes_it_is_a_text() -> None:
    assert read(GOOD.replace("mine", '"0x1F"')).plan.name == "0x1F"


def test_aliases_that_expand_to_endless_values_are_refused() -> None:
    laughs = "\n".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9 if n else ['lol'])}]" for n in range(12))
    assert "more than 20,000 values" in refused(laughs)[0]
    assert "nested deeper" in refused("a: &a [*a]")[0]
    assert "nested deeper" in refused("[" * 60_000)[0]


def test_several_stages_may_share_a_field_by_an_alias() -> None:
    text = (
        GOOD
        + "    approvals: &questions [{name: ok, question: Right}]\n"
        + GOOD[GOOD.index("  - name") :].replace("1", "2")
    )
    plan = read(text + "    approvals: *questions\n").plan
    assert plan.stages[0].approvals == plan.stages[1].approvals


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=80) | st.lists(st.sampled_from([*GOOD.splitlines(), "  - &a", "*a", "<<: *a"])).map("\n".join))
def test_any_text_is_a_plan_or_refused(text: str) -> None:
    try:
        file = read(text)
    except InvalidFileError as error:
        reported = str(error)
    else:
        reported = f"{file.name}, version {file.plan.version}"
    assert reported.startswith("mine.yaml, ")


def test_a_file_that_cannot_be_read_is_refused_with_the_reason(tmp_path: Path) -> None:
    long = tmp_path / "long.yaml"
    long.write_text("#" * (LARGEST_BYTES + 1))
    latin = tmp_path / "latin.yaml"
    latin.write_bytes(b"name: \xe9")
    for path, reported in ((long, "too long for a plan"), (latin, "not UTF-8"), (tmp_path, "directory")):
        with pytest.raises(InvalidFileError, match=reported):
            read_plan_file(str(path))
    with pytest.raises(InvalidFileError, match="one of staging, production"):
        read_plan_file("no-such-plan")


@given(st.integers(0, 520 * 7 * 86_400))
def test_a_formatted_duration_is_parsed_to_the_same_duration(seconds: int) -> None:
    if seconds < 1_000_000 or seconds % 3_600 == 0:
        assert parse_duration(format_duration(timedelta(seconds=seconds))) == timedelta(seconds=seconds)


def test_the_committed_schema_is_generated_from_the_model_and_accepts_the_built_in_plans() -> None:
    assert TARGET.read_text(encoding="utf-8") == schema_text(), "run `make schemas`"
    schema = json.loads(schema_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    for name in BUILT_IN:
        document = yaml.safe_load(read_plan_file(name)[1])
        jsonschema.validate(document, schema)
        document["stages"][0]["characters"] = []
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(document, schema)


def test_the_built_in_plans_have_the_stages_and_limits_that_the_owners_decided() -> None:
    three = frozenset({"pip_boy", "vault_dweller", "wasteland_trader"})
    one = frozenset({"pip_boy"})
    days = [1, 1, 2, 3, 7, 7]
    staging = built_in("staging")
    assert [(s.name, s.enabled, s.percentage // 100, s.characters) for s in staging.stages] == [
        ("0", False, 0, None), ("1", True, 10, one), ("2", True, 50, one),
        ("3", True, 25, three), ("4", True, 50, None), ("5", True, 100, None),
    ]  # fmt: skip
    assert [stage.at_least for stage in staging.stages] == [day * DAY for day in days]
    # More than the owners' 0, 1 and 5: a stage that rolls back by itself must not be silent.
    assert all("team" in stage.tell for stage in staging.stages)
    production = built_in("production")
    assert [(s.percentage // 100, s.characters, s.at_least) for s in production.stages] == [
        (10, None, 2 * DAY), (50, None, 5 * DAY), (100, None, 7 * DAY)
    ]  # fmt: skip
    assert [stage.name for stage in production.stages if "players" in stage.tell] == ["100"]
    for plan in (staging, production):
        assert plan.tell == ("team",)
        assert all(stage.fallback for stage in plan.stages)
        assert {gate.measure.value: gate.limit for gate in plan.gates} == {
            "error_rate": 0.05, "mean_time": 2, "fallback_rate": 0.05,
            "errors_against_control": None, "complaints_against_control": None, "cache_hit_rate": None,
            "preference": None,
        }  # fmt: skip
        # People are asked beside what is counted.
        asked = [{each.name for each in stage.approvals} for stage in plan.stages if stage.enabled and stage.percentage]
        assert all("no_complaints" in names for names in asked)
        at_once = {rule.measure.value: rule.limit for rule in plan.roll_back.at_once}
        complaints = at_once.pop("complaint_rate")
        assert complaints == {"staging": 0.03, "production": 0.01}[plan.name]
        assert at_once == {"error_rate": 0.10, "mean_time": 5, "fallback_rate": 0.20}


def test_a_rehearsal_keeps_the_plan_and_shortens_its_days() -> None:
    plan = built_in("staging")
    short = rehearse(plan, timedelta(seconds=60))
    assert rehearse(plan, DAY) is plan
    assert [stage.at_least.total_seconds() for stage in short.stages] == [60, 60, 120, 180, 420, 420]
    assert [stage.name for stage in short.stages] == [stage.name for stage in plan.stages]
    assert short.gates_of(short.stages[1])[0].limit == plan.gates[0].limit
    assert short.windows.short % short.windows.resolution == timedelta(0)


@pytest.mark.parametrize(
    "field",
    [
        *("expects: {jobs_a_day: 9e99}", "expects: {peak: 1.0e+300}", "expects: {text_characters: 1000000000000}"),
        *("limits: {chirp_requests_a_minute: 10000000000}", "limits: {dollars_a_month: 1.0e+99}"),
        *("control: {ratios: [1.0e+300]}", "min_sample: 99999999999999999999", "expects: {shares: {ghoul: 1.0e+300}}"),
    ],
)
def test_a_number_out_of_its_range_is_an_error_with_its_field(field: str) -> None:
    (finding,) = refused(f"{GOOD}{field}\n")
    assert finding.startswith(f"line 8: {field.partition(':')[0]}")
