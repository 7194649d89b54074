"""Makes records of states and states of records. Pure."""

from dataclasses import dataclass
from datetime import datetime

from schemas.revision import Measurement, Revision
from worker.rollout.description import differences, in_words
from worker.rollout.log.revisions import RevisionLog
from worker.rollout.state import OFF, RolloutState


@dataclass(frozen=True)
class Made:
    """Who makes a revision, why and when; `id` is unique, `measured` the controller's evidence."""

    actor: str
    reason: str
    time: datetime
    id: str
    measured: tuple[Measurement, ...] = ()


def revision_of(before: RolloutState, after: RolloutState, made: Made) -> Revision:
    """The record that changes one state into another.

    Raises:
        ValidationError: actor or reason is empty, too long, or has control characters.
    """
    changed = differences(before, after)
    return Revision(
        revision=before.revision + 1,
        base=before.revision,
        id=made.id,
        time=made.time,
        actor=made.actor,
        reason=made.reason,
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
        measured=made.measured,
    )


def state_of(revision: Revision) -> RolloutState:
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


def current_state(fold: RevisionLog) -> RolloutState:
    """The state that counts now; off before the first revision."""
    return OFF if fold.current is None else state_of(fold.current)
