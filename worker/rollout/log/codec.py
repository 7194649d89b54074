"""Converts between rollout states and the records of `tts.rollout` (revisions). Pure."""

from dataclasses import dataclass
from datetime import datetime

from schemas.revision import Measurement, Revision
from worker.rollout.description import differences, in_words
from worker.rollout.log.revisions import RevisionLog
from worker.rollout.state import OFF, RolloutState


@dataclass(frozen=True)
class Provenance:
    """Who makes a revision and why; `measured` is the controller's evidence."""

    actor: str
    reason: str = ""
    measured: tuple[Measurement, ...] = ()


def to_revision(
    before: RolloutState, after: RolloutState, provenance: Provenance, *, time: datetime, identity: str
) -> Revision:
    """The record that changes one state into another.

    Args:
        time: with an offset.
        identity: unique; by it the writer recognises its own record.

    Raises:
        ValidationError: actor or reason is empty, too long, or has control characters.
    """
    changed = differences(before, after)
    return Revision(
        revision=before.revision + 1,
        base=before.revision,
        id=identity,
        time=time,
        actor=provenance.actor,
        reason=provenance.reason,
        before=in_words((each.what, each.before) for each in changed),
        after=in_words((each.what, each.after) for each in changed),
        enabled=after.enabled,
        percentage=after.percentage,
        characters=None if after.characters is None else tuple(sorted(after.characters)),
        excluded=tuple(sorted(after.excluded)),
        quarantined=dict(sorted(after.quarantined.items())),
        fallback=after.fallback,
        salt=after.salt,
        run=after.run,
        measured=provenance.measured,
    )


def to_state(revision: Revision) -> RolloutState:
    """The state that a record holds."""
    return RolloutState(
        enabled=revision.enabled,
        percentage=revision.percentage,
        characters=None if revision.characters is None else frozenset(revision.characters),
        excluded=frozenset(revision.excluded),
        quarantined=revision.quarantined,
        fallback=revision.fallback,
        salt=revision.salt,
        revision=revision.revision,
        run=revision.run,
    )


def current_state(revisions: RevisionLog) -> RolloutState:
    """The state of the current revision; off before the first one."""
    return OFF if revisions.current is None else to_state(revisions.current)
