"""Puts the alerts of Prometheus beside the revisions of the rollout, by the second."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from loadtest.stack.prometheus import INTERVAL_S, Rule, Series
from schemas.revision import Revision

ALERTS: Final = "max by (alertname, severity, alertstate) (ALERTS)"
"""The query whose series `alert_changes` takes: what every alert is, whatever its other labels."""

_FIRING: Final = "firing"
_PENDING: Final = "pending"
# An evaluation that the machine delays is no end of an alert.
_GAP_S: Final = 3 * INTERVAL_S


@dataclass(frozen=True)
class Event:
    """Something that happened: at which second of the demo, through whom or what, and what it was."""

    second: float
    who: str
    what: str


def alert_changes(found: Sequence[Series], began: float, ended: float) -> list[Event]:
    """Returns when each alert became pending or firing, and when it ended.

    Args:
        found: the answer to `ALERTS`, at a step of `INTERVAL_S`.
        began: Unix time of the demo's second 0.
        ended: Unix time of the last value that was asked for; what still lasts then hasn't ended.
    """
    states: dict[str, dict[float, str]] = {}
    severities: dict[str, str] = {}
    for series in found:
        name, state = series.labels["alertname"], series.labels["alertstate"]
        severities[name] = series.labels["severity"]
        for time, _ in series.points:
            # Of the series of one alert some may fire while others are pending.
            if states.setdefault(name, {}).get(time) != _FIRING:
                states[name][time] = state
    return [
        Event(time - began, f"alert, {severities[name]}", f"{name} {change}")
        for name, by_time in states.items()
        for time, change in _changes(sorted(by_time.items()), ended)
    ]


def _changes(samples: Sequence[tuple[float, str]], ended: float) -> Iterator[tuple[float, str]]:
    yield samples[0]
    for (earlier, before), (time, state) in pairwise(samples):
        if time - earlier > _GAP_S:
            yield earlier + INTERVAL_S, _end_of(before)
            yield time, state
        elif state != before:
            yield time, state
    last, state = samples[-1]
    if ended - last > _GAP_S:
        yield last + INTERVAL_S, _end_of(state)


def _end_of(state: str) -> str:
    return "resolved" if state == _FIRING else "no longer pending"


def revision_changes(revisions: Sequence[Revision], began: float) -> list[Event]:
    """Returns what each revision of the rollout's log made of the plan and of the exposure, and why.

    Args:
        began: Unix time of the demo's second 0.
    """
    return [Event(each.time.timestamp() - began, each.actor, _describe(each)) for each in revisions]


def _describe(revision: Revision) -> str:
    run = revision.run
    parts = (
        ([f"stage {run.stage} {run.phase}"] if run else [])
        + [revision.after]
        + [revision.reason] * bool(revision.reason)
    )
    return ": ".join(parts)


def event_rows(events: Sequence[Event]) -> list[dict[str, object]]:
    """Returns a row for each event, in the order of time."""
    return [
        {"second": f"{each.second:.0f}", "who": each.who, "what": each.what}
        for each in sorted(events, key=lambda event: event.second)
    ]


def summary(rules: Sequence[Rule], found: Sequence[Series]) -> str:
    """Says how many alerts fired, and which were pending for less than they want.

    Args:
        rules: all that were loaded.
        found: the answer to `ALERTS`.
    """
    alerts = {rule.name: rule.for_s for rule in rules if rule.is_alert}
    fired = {each.labels["alertname"] for each in found if each.labels["alertstate"] == _FIRING}
    pending = {each.labels["alertname"] for each in found if each.labels["alertstate"] == _PENDING} - fired
    short = ", ".join(f"{name} (wants {alerts[name]:g} s)" for name in sorted(pending))
    broken = [rule.name for rule in rules if rule.error]
    return (
        f"{len(rules)} rules, {len(broken)} with an error{': ' + ', '.join(broken) if broken else ''}. "
        f"{len(fired)} of {len(alerts)} alerts fired: {', '.join(sorted(fired)) or 'none'}. "
        f"Pending and no more: {short or 'none'}."
    )
