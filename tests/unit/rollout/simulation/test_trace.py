"""Traces: what is parsed, what is refused, and which shift applies when."""

from __future__ import annotations

from datetime import timedelta

import pytest

from schemas.enums import VoiceModel
from tests.unit.makers import CATALOGUE
from worker.rollout.plan.document import InvalidFileError
from worker.rollout.simulation.trace import ModelBehaviour, Trace
from worker.rollout.simulation.trace_file import BUILT_IN, parse_trace, read_trace_file

NAMES = CATALOGUE.names
CHIRP, WAVENET = VoiceModel.CHIRP3_HD, VoiceModel.WAVENET
HOUR = timedelta(hours=1)
GOOD = """\
version: 1
name: mine
lasts: 2d
jobs_a_day: 1000
models:
  chirp3-hd: {errors: 0.1}
shifts:
  - {at: 1h, lasts: 1h, errors: 0.5}
  - {at: 1h, lasts: 2h, voice_model: chirp3-hd, characters: [ghoul], errors: 0.9, seconds: 3}
  - {at: 2h, jobs: 5}
"""


def trace() -> Trace:
    return parse_trace(GOOD, "mine.yaml", NAMES)


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_built_in_trace_can_be_parsed_and_has_its_name(name: str) -> None:
    read = parse_trace(read_trace_file(name)[1], name, NAMES)
    assert read.name == name
    assert read.breaks_at is None or read.breaks_at < read.lasts


@pytest.mark.parametrize(
    ("good", "bad", "reported"),
    [
        ("[ghoul]", "[goul]", "mine.yaml, line 9: shifts[1].characters[0]: 'goul' is no character; write ghoul"),
        ("errors: 0.5", "errors: 50", "mine.yaml, line 8: shifts[0].errors: 50: input should be less than or equal"),
        ("errors: 0.5", "erors: 0.5", "mine.yaml, line 8: shifts[0].erors: there is no such field; write errors"),
        ("chirp3-hd: {", "chirp: {", "mine.yaml, line 6: models.chirp"),
        ("{errors: 0.1}", "{erors: 0.1}", "mine.yaml, line 6: models.chirp3-hd.erors: there is no such field; wri"),
        ("jobs: 5", "jobs: 5, voice_model: wavenet", "mine.yaml, line 10: shifts[2]: jobs: the rollout decides"),
        ("lasts: 2d", "lasts: 0d", "mine.yaml, line 1: lasts: must be above 0"),
        ("lasts: 2d", "lasts: 2d\nshares: {ghoul: 0.6, raider: 0.6}", "shares: their sum is 1.2"),
        ("lasts: 2d", "lasts: 2d\nshares: {dogmeat: 0.6}", "mine.yaml, line 4: shares.dogmeat: 'dogmeat' is no charac"),
        ("jobs_a_day: 1000\n", "", "mine.yaml, line 1: jobs_a_day: is missing"),
    ],
)  # fmt: skip
def test_an_error_names_its_line_as_in_a_plan(good: str, bad: str, reported: str) -> None:
    assert good in GOOD
    with pytest.raises(InvalidFileError) as caught:
        parse_trace(GOOD.replace(good, bad), "mine.yaml", NAMES)
    assert reported in str(caught.value)


def test_an_unknown_trace_lists_the_built_in_ones() -> None:
    with pytest.raises(InvalidFileError, match="a trace is a YAML file, or one of healthy, chirp_half"):
        read_trace_file("no-such-trace")


def test_the_later_of_two_shifts_applies_during_its_time() -> None:
    errors = {
        (after, model, name): trace().behaviour(after * HOUR, model, name).errors
        for after in (0, 1, 2, 3)
        for model in (CHIRP, WAVENET)
        for name in ("ghoul", "raider")
    }
    assert [errors[after, CHIRP, "ghoul"] for after in (0, 1, 2, 3)] == [0.1, 0.9, 0.9, 0.1]
    assert [errors[after, CHIRP, "raider"] for after in (0, 1, 2, 3)] == [0.1, 0.5, 0.1, 0.1]
    assert [errors[after, WAVENET, "ghoul"] for after in (0, 1, 2, 3)] == [0.02, 0.5, 0.02, 0.02]
    assert trace().behaviour(HOUR, CHIRP, "ghoul") == ModelBehaviour(errors=0.9, seconds=3)
    assert [trace().job_factor(after * HOUR, "raider") for after in (0, 2, 40)] == [1, 5, 5]


def test_a_change_of_shifts_within_a_time_is_detected() -> None:
    minute = timedelta(minutes=1)
    changes = [trace().changes_within(hour * HOUR, hour * HOUR + minute) for hour in range(4)]
    assert changes == [False] * 4
    assert [trace().changes_within(hour * HOUR - minute, hour * HOUR) for hour in range(1, 5)] == [
        True, True, True, False
    ]  # fmt: skip


@pytest.mark.parametrize("shares", [{}, {"ghoul": 0.5}, dict.fromkeys(NAMES, 1 / 14)])
def test_the_shares_of_all_characters_add_up_to_one(shares: dict[str, float]) -> None:
    read = trace().model_copy(update={"shares": shares})
    found = read.job_shares(NAMES)
    assert found.keys() == NAMES
    assert sum(found.values()) == pytest.approx(1)
    assert found["ghoul"] == pytest.approx(shares.get("ghoul", 1 / 14))
