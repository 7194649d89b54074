"""What the commands about the rollout show of states, changes and revisions. Pure."""

import json
from dataclasses import replace
from datetime import datetime
from typing import Any

from schemas.revision import Revision
from worker.rollout.changes import Change
from worker.rollout.description import describe_salt, differences, exposure
from worker.rollout.log.codec import current_state
from worker.rollout.log.revisions import RevisionLog

_SECOND = "%Y-%m-%d %H:%M:%S"


def revision_document(revision: Revision) -> dict[str, Any]:
    """A revision as it stands in the topic; its salt is masked."""
    loaded: dict[str, Any] = json.loads(revision.model_dump_json())
    return {**loaded, "salt": describe_salt(revision.salt)}


def status_row(revisions: RevisionLog, catalogue: frozenset[str], now: datetime) -> dict[str, object]:
    """The state that counts now, for people: the exposure to Chirp first."""
    state, revision = current_state(revisions), revisions.current
    rows: dict[str, object] = {"exposure": exposure(state, catalogue, now)}
    if not state.enabled:
        rows["when it is on"] = exposure(replace(state, enabled=True), catalogue, now)
    rows |= {"fallback": "WaveNet answers when Chirp fails" if state.fallback else "off: a failed line stays silent"}
    if (run := state.run) is not None:
        since = run.since.astimezone().strftime(_SECOND)
        rows |= {"plan": f"{run.plan}, stage {run.stage} since {since}, {run.phase}"}
    if revision is None:
        return {**rows, "revision": "none yet: the first worker with ROLLOUT_SOURCE=topic makes it, or `rollout set`"}
    made = f"{revision.revision}, by {revision.actor}, {revision.time.astimezone().strftime(_SECOND)}"
    return {**rows, "revision": made, "reason": revision.reason or "-"}


def status_document(
    revisions: RevisionLog, catalogue: frozenset[str], now: datetime, changes: int
) -> dict[str, object]:
    """The same for scripts; `revision` is null before the first revision."""
    return {
        "who": exposure(current_state(revisions), catalogue, now),
        "revision": revision_document(revisions.current) if revisions.current else None,
        "changes": [revision_document(each) for each in revisions.accepted[-changes:]],
    }


def history_rows(revisions: list[Revision]) -> list[dict[str, object]]:
    """One row a revision."""
    return [
        {
            "revision": each.revision,
            "time": each.time.astimezone().strftime(_SECOND),
            "actor": each.actor,
            "before": each.before if each.base else "-",
            "after": each.after,
            "reason": each.reason or "-",
        }
        for each in revisions
    ]


def change_rows(change: Change, catalogue: frozenset[str]) -> list[dict[str, object]]:
    """A change before it is made: the exposure to Chirp, and each value that differs."""
    rows: list[dict[str, object]] = [
        {
            "": "exposure",
            "now": exposure(change.before, catalogue, change.now),
            "then": exposure(change.after, catalogue, change.now),
        }
    ]
    changed = differences(change.before, change.after)
    return rows + [{"": each.what, "now": each.before, "then": each.after} for each in changed]


def change_document(change: Change, revision: Revision | None, catalogue: frozenset[str]) -> dict[str, object]:
    """A change that was made, or that changes nothing, for scripts."""
    return {
        "changed": not change.is_noop,
        "before": exposure(change.before, catalogue, change.now),
        "after": exposure(change.after, catalogue, change.now),
        "revision": revision_document(revision) if revision else None,
    }


def confirmation_reason(change: Change) -> str:
    """Why a change is confirmed before it is made."""
    return "this exposes more lines to Chirp" if change.widens else "this leaves a line silent when Chirp fails"


def describe_change(change: Change, catalogue: frozenset[str]) -> str:
    """A change, or that nothing changes, in one line."""
    was, becomes = (exposure(state, catalogue, change.now) for state in (change.before, change.after))
    if change.is_noop:
        return f"nothing to change; revision {change.before.revision}: {was}"
    # A change may leave the exposure as it is: `off` of what isn't exposed yet, or `--fallback`.
    changed = "; ".join(
        f"{each.what} {each.before} → {each.after}" for each in differences(change.before, change.after)
    )
    return f"revision {change.before.revision + 1}: {was} → {becomes} ({changed})"
