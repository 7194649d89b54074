"""`rollout status`: what needs a look has a row of its own, what is well is one row."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from schemas.rollout_status import Judged, RolloutStatus, WorkerSeen
from tests.unit.rollouts import NOW
from worker.cli.views.status import tables, vote_rows


def judged(use: str, verdict: str = "pass", title: str = "error_rate", **more: Any) -> Judged:
    return Judged(use=use, title=title, window="5m", verdict=verdict, sample=100, says="1 % of 100", **more)


def status(*verdicts: Judged, **more: Any) -> RolloutStatus:
    given = {
        "time": NOW, "controller": "c", "revision": 7, "plan": "p", "stage": "s", "stages": ("s",), "phase": "running",
        "risk": "low", "served_s": 0, "at_least_s": 0, "every_s": 1, "waits_for": (), "judged": verdicts,
    }  # fmt: skip
    return RolloutStatus.model_validate({**given, **more})


def shown(status: RolloutStatus, title: str, *, whole: bool = False) -> list[dict[str, object]]:
    return next(rows for name, rows in tables(status, whole=whole) if name.startswith(title))


def test_fifteen_healthy_rows_are_one_that_says_so() -> None:
    healthy = [judged("at_once", title=f"rule_{n % 5}") for n in range(15)]
    (row,) = shown(status(*healthy), "Rules")
    assert (row["verdict"], row["what"]) == ("PASS", "15 verdicts")
    assert row["says"] == "rule_0, rule_1, rule_2, rule_3, rule_4; --all shows each"
    assert len(shown(status(*healthy), "Rules", whole=True)) == 15


def test_what_holds_or_fails_or_decides_nothing_keeps_its_row_above_the_healthy_ones() -> None:
    others = [judged("gate", "hold"), judged("gate", "fail"), judged("gate", "error"), judged("gate", dry_run=True)]
    rows = shown(status(*[judged("gate")] * 3, *others, *[judged("gate")] * 3), "Gates")
    assert [row["verdict"] for row in rows] == ["HOLD", "FAIL", "ERROR", "PASS (dry run)", "PASS"]
    assert {tuple(row) for row in rows} == {tuple(rows[0])}


def test_two_healthy_rows_stay_as_they_are() -> None:
    assert len(shown(status(judged("gate"), judged("gate")), "Gates")) == 2


def test_healthy_characters_are_one_row_with_their_names() -> None:
    characters = [judged("character", character=f"c{n:02}") for n in range(14)]
    bad = judged("character", "fail", character="ghoul")
    rows = shown(status(*characters, bad), "Characters")
    assert [(row["character"], row["verdict"]) for row in rows] == [("ghoul", "FAIL"), ("14 characters", "PASS")]
    assert str(rows[1]["says"]).startswith("c00, c01, ")


def test_each_worker_has_a_row_with_the_revision_that_it_follows() -> None:
    workers = [
        WorkerSeen(worker="a", revision=7, time=NOW - timedelta(seconds=2)),
        WorkerSeen(worker="b", revision=5, time=NOW - timedelta(minutes=3)),
        WorkerSeen(worker="c", revision=7, time=NOW, braked=True),
    ]
    rows = shown(status(workers=workers), "Workers")
    assert [(row["worker"], row["revision"], row["follows"]) for row in rows] == [
        ("a", 7, "the current revision"),
        ("b", 5, "2 revisions behind"),
        ("c", 7, "its hand brake is on: Chirp is off there"),
    ]
    assert rows[1]["last completion"] == "3.0 min before the report"


def test_votes_have_a_table_of_their_own_with_the_characters_that_have_any() -> None:
    votes = [
        Judged(use="gate", title="preference", window="votes", verdict="hold", character=name, sample=sample, says=says)
        for name, sample, says in (("ghoul", 12, "83.3% of 12 votes"), ("raider", 0, "no votes yet"))
    ]
    assert vote_rows(votes) == [
        {"character": "ghoul", "verdict": "HOLD", "votes": "12", "says": "83.3% of 12 votes"},
        {"character": "1 characters", "verdict": "", "votes": "0", "says": "no votes: raider"},
    ]
    assert vote_rows(votes[1:]) == []


def test_a_limit_has_four_digits_and_no_exponent() -> None:
    limits = {1_210_000.0: "1,210,000", 23_045.6: "23,046", 0.05: "0.05", 0.123456: "0.1235", 12.3456: "12.35"}
    for limit, text in limits.items():
        (row,) = shown(status(judged("gate", "hold", limit=limit)), "Gates")
        assert row["limit"] == text
