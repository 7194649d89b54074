"""The timeline of the rollout's demo has the alerts' changes beside the revisions."""

from __future__ import annotations

from collections.abc import Iterable

from loadtest.rollout_demo.timeline import Event, alert_changes, event_rows, revision_changes, summary
from loadtest.stack.prometheus import Rule, Series
from tests.unit.rollouts import NOW, revision

BEGAN, ENDED = 1_000.0, 1_100.0


def alert(name: str, state: str, seconds: Iterable[int], severity: str = "warning") -> Series:
    labels = {"alertname": name, "alertstate": state, "severity": severity}
    return Series(labels, tuple((BEGAN + second, 1.0) for second in seconds))


def changes(*found: Series) -> list[tuple[float, str]]:
    return [(each.second, each.what) for each in alert_changes(found, BEGAN, ENDED)]


def test_an_alert_is_pending_then_firing_then_resolved() -> None:
    found = [alert("Ill", "firing", range(20, 30), "critical"), alert("Ill", "pending", range(10, 20), "critical")]
    assert changes(*found) == [(10, "Ill pending"), (20, "Ill firing"), (30, "Ill resolved")]
    assert {each.who for each in alert_changes(found, BEGAN, ENDED)} == {"alert, critical"}


def test_an_alert_that_ends_before_it_fires_was_pending_only() -> None:
    assert changes(alert("Ill", "pending", range(10, 12))) == [(10, "Ill pending"), (12, "Ill no longer pending")]


def test_an_alert_that_comes_back_is_listed_twice() -> None:
    seconds = [*range(10, 12), *range(50, 52)]
    assert [what for _, what in changes(alert("Ill", "firing", seconds))] == ["Ill firing", "Ill resolved"] * 2


def test_an_alert_that_lasts_to_the_end_has_no_end() -> None:
    assert changes(alert("Ill", "firing", range(90, 101))) == [(90, "Ill firing")]


def test_a_late_evaluation_is_no_end_of_an_alert() -> None:
    assert changes(alert("Ill", "firing", [10, 13, 14, *range(15, 101)])) == [(10, "Ill firing")]


def test_an_alert_with_a_firing_and_a_pending_series_fires() -> None:
    found = [alert("Ill", "firing", range(20, 101)), alert("Ill", "pending", range(10, 101))]
    assert changes(*found) == [(10, "Ill pending"), (20, "Ill firing")]


def test_rows_are_in_the_order_of_time_whoever_made_the_change() -> None:
    began = NOW.timestamp() - 15
    events = [Event(20.4, "alert, warning", "Ill firing"), *revision_changes([revision(actor="controller")], began)]
    rows = event_rows(events)
    assert [(row["second"], row["who"]) for row in rows] == [("15", "controller"), ("20", "alert, warning")]
    assert str(rows[0]["what"]).endswith(": since I say so")


def test_the_summary_counts_alerts_and_names_broken_rules_and_those_that_did_not_last() -> None:
    rules = [
        Rule("Ill", is_alert=True, for_s=60, error=""),
        Rule("Slow", is_alert=True, for_s=300, error=""),
        Rule("Quiet", is_alert=True, for_s=0, error=""),
        Rule("a:record", is_alert=False, for_s=0, error="many-to-many"),
    ]
    found = [alert("Ill", "firing", [1]), alert("Ill", "pending", [0]), alert("Slow", "pending", [1])]
    assert summary(rules, found) == (
        "4 rules, 1 with an error: a:record. 1 of 3 alerts fired: Ill. Pending and no more: Slow (wants 300 s)."
    )
