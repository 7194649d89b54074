"""The check of a plan: each finding with its line, and none for a sound plan."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.makers import CATALOGUE
from worker.rollout.plan.conditions import Measure
from worker.rollout.plan.document import InvalidFileError
from worker.rollout.plan.file import BUILT_IN, read_plan_file
from worker.rollout.plan.findings import Finding, Severity
from worker.rollout.plan.parser import parse_plan
from worker.rollout.plan.units import DAY
from worker.rollout.plan_check.check import check_plan, usable_plan
from worker.rollout.plan_check.detection import all_detections

NAMES = CATALOGUE.names
DOCS = Path(__file__).parents[4] / "docs" / "plans.md"
PLAN = """\
version: 1
name: mine
gates: [{measure: error_rate, limit: 0.05}]
roll_back:
  at_once:
    - {measure: error_rate, limit: 0.10}
    - {measure: errors_against_control}
expects: {jobs_a_day: 100000, peak: 2, new_takes: 1}
limits: {chirp_requests_a_minute: 200}
stages:
  - name: one
    text: ""
    percentage: 10
    characters: [pip_boy]
    at_least: 1d
    at_most: 7d
    risk: low
tell: [team]
"""


def found(text: str, day: timedelta = DAY) -> list[Finding]:
    return check_plan(parse_plan(text, "mine.yaml", NAMES), NAMES, day)


def reported(text: str) -> list[str]:
    return [f"{each.severity} {each}" for each in found(text)]


def test_the_built_in_plans_have_nothing_wrong_and_production_nothing_unwise() -> None:
    severities = {name: {each.severity for each in found(read_plan_file(name)[1])} for name in BUILT_IN}
    assert Severity.WRONG not in severities["staging"]
    assert severities["production"] == {Severity.NOTE}


def test_staging_detects_a_clear_breach_of_each_limit_in_each_stage_at_its_own_traffic() -> None:
    file = parse_plan(read_plan_file("staging")[1], "staging", NAMES)
    fixed = [each for each in all_detections(file, NAMES, DAY) if each.rule.limit is not None]
    assert {each.use for each in fixed} == {"at_once", "step", "character"}
    for each in fixed:
        for stage, detections in each.by_stage:
            for detection in detections:
                if not detection.slight:
                    assert detection.takes is not None
                    assert stage.at_most is not None
                    assert detection.takes < stage.at_most / 3


def test_a_plan_with_errors_is_not_usable_and_all_errors_are_reported() -> None:
    twice = "  step:\n    - {measure: error_rate, limit: 0.06}\n    - {measure: error_rate, limit: 0.5}\n"
    text = PLAN.replace("expects:", f"{twice}  quarantine: 0s\nexpects:")
    with pytest.raises(InvalidFileError, match="a second condition named error_rate") as refused:
        usable_plan(text, "mine.yaml", NAMES)
    assert [each for each in found(text) if each.severity is Severity.WRONG] == list(refused.value.findings)
    assert usable_plan(PLAN, "mine.yaml", NAMES, timedelta(minutes=1)).stages[0].at_least == timedelta(minutes=1)


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(BUILT_IN), st.integers(1, 86_400))
def test_a_built_in_plan_is_usable_in_any_rehearsal(name: str, seconds: int) -> None:
    usable_plan(read_plan_file(name)[1], name, NAMES, timedelta(seconds=seconds))


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(BUILT_IN), st.integers(10, 86_400))
def test_in_a_rehearsal_no_stage_needs_more_time_than_at_most(name: str, seconds: int) -> None:
    findings = found(read_plan_file(name)[1], timedelta(seconds=seconds))
    too_long = [each for each in findings if "gates need" in each.message and each.severity is Severity.WRONG]
    assert not too_long


def test_at_100_percent_a_plan_whose_steps_are_comparisons_alone_never_steps_back() -> None:
    step = "roll_back:\n  step: [{measure: errors_against_control}]\n"
    text = PLAN.replace("percentage: 10", "percentage: 100").replace("roll_back:\n", step)
    (finding,) = [each for each in reported(text) if "nothing steps back" in each]
    assert finding.startswith("unwise line 14: stages[0].percentage: at 100 % there is no control to compare with")
    assert not [each for each in reported(text.replace("step: [", "step: [{measure: error_rate, limit: 0.08}, "))
                if "nothing steps back" in each]  # fmt: skip


def test_a_budget_that_a_month_of_new_takes_exceeds_is_noted() -> None:
    text = read_plan_file("production")[1].replace("dollars_a_month: 4500", "dollars_a_month: 4000")
    (finding,) = [each for each in reported(text) if "each line is a new take" in each]
    assert "4,320 USD a month" in finding
    assert finding.startswith("note")


def test_a_sound_plan_has_no_finding_but_the_range_between_gate_and_rule() -> None:
    (band,) = reported(PLAN)
    assert band.startswith("note line 3: gates[0]: from 0.05 to 0.1 the stage holds")


@pytest.mark.parametrize(
    ("good", "bad", "expected"),
    [
        # The text of a stage against its fields.
        ("[pip_boy]", "all\n    text: pip_boy at 10 %", "unwise line 14: stages[0].characters: all, and the text name"),
        ('text: ""', "text: Pip-Boy and ghoul", "unwise line 14: stages[0].characters: pip_boy, and the text names gh"),
        ('text: ""', "text: all characters", "unwise line 14: stages[0].characters: pip_boy, and the text says all of"),
        ('text: ""', "text: at 50 %", "unwise line 13: stages[0].percentage: 10, and the text says 50 %; the same in"),
        # Limits against each other.
        ("gates: [{measure: error_rate, limit: 0.05}", "gates: [{measure: error_rate, limit: 0.2}",
         "wrong line 3: gates[0].limit: passes below 0.2, although at_once rolls back above 0.1; at most 0.1"),
        ("  at_once:", "  step: [{measure: error_rate, limit: 0.2}]\n  at_once:",
         "unwise line 3: gates[0]: at_once rolls back above 0.1, before step does above 0.2"),
        ("0.05}]", "0.05}, {measure: mean_time, limit: 2}]", "note line 3: gates[1]: above 2 the stage holds, however"),
        ("0.05}]", "0.05}, {measure: error_rate, limit: 0.04}]", "wrong line 3: gates[1]: a second condition named er"),
        ("0.05}]", "0.05}, {measure: p95_time, limit: 2.05}]", "wrong line 3: gates[1].limit: 2.05 s isn't counted ex"),
        ("  at_once:", "  quarantine: 0s\n  character: [{measure: error_rate, limit: 0.2}]\n  at_once:",
         "wrong line 5: roll_back.quarantine: a quarantine of no time; such as 1d"),
        ("  at_once:", "  character: [{measure: query, name: q, query: sum(up), limit: 1}]\n  at_once:",
         "wrong line 5: roll_back.character[0]: a query covers all charact"),
        ("  at_once:", "  step: [{measure: cache_hit_rate}]\n  at_once:", "wrong line 5: roll_back.step[0]: only a ga"),
        # Samples, quota, budget.
        ("jobs_a_day: 100000", "jobs_a_day: 1000", "wrong line 11: stages[0]: its gates need 143 attempts while 2% fa"),
        ("jobs_a_day: 100000", "jobs_a_day: 10000", "note line 11: stages[0]: its gates need 143 attempts while 2% fa"),
        ("limit: 0.05", "limit: 0.02", "wrong line 11: stages[0]: error_rate: a healthy system, with 2%, never passes"),
        ("peak: 2,", "peak: 500,", "wrong line 13: stages[0].percentage: 248 Chirp requests a minute at the peak; the"),
        ("minute: 200", "minute: 200, dollars_a_month: 500", "wrong line 13: stages[0].percentage: "),
        ("new_takes: 1", "new_takes: 1, shares: {ghoul: 1}", "wrong line 8: expects.shares: their sum is 1, which lea"),
        # What would not be detected.
        ("    - {measure: errors_against_control}\n", "",
         "unwise line 6: roll_back.at_once[0]: to show 20% errors takes 60 attempts, and in stage one 1h has fewer; n"),
        ("percentage: 10", "percentage: 100", "note line 13: stages[0].percentage: at 100 % there is no control to co"),
        # A query of several series.
        ("0.05}]", "0.05}, {measure: query, name: q, limit: 1, query: up}]",
         "unwise line 3: gates[1].query: may return several series (up), which is an error and never a pass; such as "),
        # What is risky, or decides nothing.
        ("risk: low", "risk: high", "unwise line 11: stages[0]: risk: high, and no approval is r"),
        # What nobody hears of.
        ("tell: [team]\n", "", "unwise line 1: tell: nobody is notified of anything, not even of a roll-back; tel"),
        ("    risk: low\ntell: [team]\n",
         "    tell: [team]\n  - {name: two, percentage: 20, characters: [pip_boy], at_least: 1d}\n",
         "unwise line 18: stages[1]: nobody is notified of what happens in stage two, and a roll-back reaches team"),
        ("    risk: low\ntell: [team]\n",
         "  - {name: two, percentage: 20, characters: [pip_boy], at_least: 1d, tell: [team]}\n",
         "unwise line 11: stages[0]: nobody is notified of what happens in stage one, and a roll-back reaches nobod"),
        ("risk: low", "fallback: false", "unwise line 17: stages[0].fallback: off: each failed attempt of Chirp fails"),
        ("risk: low", "gates: []", "unwise line 11: stages[0]: no gate decides"),
        ("risk: low", "roll_back: {}", "unwise line 11: stages[0]: no rule turns Chirp off"),
        ("risk: low", "enabled: false", "unwise line 13: stages[0].percentage: 10 % of a stage with enabled: false is"),
        ("    at_most: 7d\n", "", "note line 11: stages[0]: no at_most"),
        ("percentage: 10", "percentage: 60", "unwise line 13: stages[0].percentage: the first stage with Chirp begins"),
        ("    risk: low\n", "  - {name: two, percentage: 5, characters: [pip_boy], at_least: 1d}\n",
         "unwise line 17: stages[1].percentage: less than the stage before it (one)"),
        # Windows, control, bands.
        ("name: mine", "name: mine\nwindows: {short: 1m}", "unwise line 3: windows.short: 1m is shorter than settle,"),
        ("name: mine", "name: mine\ncontrol: {over: 1m}", "wrong line 3: control.over: 1m is shorter than a window, 5"),
        ("name: mine", "name: mine\ncontrol: {slow: 2.25}", "wrong line 3: control.slow: 2.25 s isn't counted exactly"),
        ("name: mine", "name: mine\nlength_bands: []", "unwise line 3: length_bands: the times of short and long text"),
        ("name: mine", "name: mine\nlength_bands: [1,2,3,4,5,6,7,8,9]", "unwise line 3: length_bands: 10 bands leave"),
    ],
)  # fmt: skip
def test_a_finding_names_its_severity_line_and_field(good: str, bad: str, expected: str) -> None:
    assert good in PLAN
    text = PLAN.replace('    text: ""\n', "", 1) if "\n    text:" in bad else PLAN
    text = text.replace(good, bad, 1)
    # Without the text's line the fields below it stand one line higher.
    expected = expected.replace("line 14", "line 13") if "\n    text:" in bad else expected
    assert any(each.startswith(expected) for each in reported(text)), reported(text)


def test_a_dry_run_gate_needs_no_sample() -> None:
    few = PLAN.replace("100000", "1000").replace("limit: 0.05}", "limit: 0.05, dry_run: true}")
    assert not [each for each in reported(few) if "gates need" in each]


def with_gate(gate: str, rules: str = "") -> str:
    first, compared = "{measure: error_rate, limit: 0.05}", "    - {measure: errors_against_control}\n"
    return PLAN.replace(f"gates: [{first}]", f"gates: [{first}, {gate}]").replace(compared, compared + rules)


def test_a_preference_says_how_many_votes_it_waits_for_and_is_a_gate_alone() -> None:
    (note,) = [each for each in reported(with_gate("{measure: preference, votes: 80}")) if "votes" in each]
    assert note.startswith(
        "note line 3: gates[1]: stage one waits for some 80 votes on each of its characters, 80 in all"
    )
    assert not [each for each in reported(with_gate("{measure: preference, dry_run: true}")) if "votes" in each]
    as_rule = with_gate("{measure: preference}", "    - {measure: preference}\n")
    assert any("only a gate can evaluate listeners' votes; move it to gates" in each for each in reported(as_rule))


def test_complaint_rules_are_forecast_by_completions_and_the_expected_rate() -> None:
    rules = "    - {measure: complaint_rate, limit: 0.01, last: 2000}\n    - {measure: complaints_against_control}\n"
    file = parse_plan(with_gate("{measure: complaints_against_control}", rules), "mine.yaml", NAMES)
    found = {each.rule.measure: each.by_stage[0][1] for each in all_detections(file, NAMES, DAY)}
    slight, clear = found[Measure.COMPLAINT_RATE]
    assert (slight.breach, clear.breach) == ("12 complaints per 1,000", "20 complaints per 1,000")
    assert clear.attempts == 659
    assert clear.is_detected
    doubled, tripled, tenfold = found[Measure.COMPLAINTS_AGAINST_CONTROL]
    assert doubled.breach == "2 complaints per 1,000, 1 in WaveNet"
    assert doubled.takes is not None
    assert tripled.takes is not None
    assert tenfold.takes is not None
    assert doubled.takes > tripled.takes > tenfold.takes


def test_stored_takes_are_heard_so_that_complaints_are_seen_sooner() -> None:
    rules = "    - {measure: complaints_against_control}\n"
    text = with_gate("{measure: complaints_against_control}", rules)
    takes = {}
    for new_takes in ("1", "0.25"):
        file = parse_plan(text.replace("new_takes: 1", f"new_takes: {new_takes}"), "mine.yaml", NAMES)
        (found,) = [
            each for each in all_detections(file, NAMES, DAY) if each.rule.measure is Measure.COMPLAINTS_AGAINST_CONTROL
        ]
        takes[new_takes] = found.by_stage[0][1][0].takes
    assert takes["1"] == takes["0.25"]


def test_the_example_in_the_docs_is_a_sound_plan() -> None:
    example = re.search(r"(?m)(?:^    .*\n|^\n)*^    version: 1\n(?:^    .*\n)+", DOCS.read_text(encoding="utf-8"))
    assert example is not None
    text = re.sub(r"(?m)^    ", "", example[0][example[0].index("    version: 1") :])
    assert {each.severity for each in found(text)} == {Severity.NOTE}
