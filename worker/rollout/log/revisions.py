"""Folds the records of `tts.rollout` from the first on: which revisions count, and who lost a race. Pure."""

from dataclasses import dataclass

from pydantic import ValidationError

from schemas.revision import Revision


@dataclass(frozen=True)
class Accepted:
    """A record that made its revision."""

    revision: Revision


@dataclass(frozen=True)
class Superseded:
    """A record whose base isn't the current revision.

    Attributes:
        revision: what it wanted to make.
        winner: what changed the same base before it; None where that base was never seen.
    """

    revision: Revision
    winner: Revision | None


@dataclass(frozen=True)
class Unreadable:
    """A record that is no revision, and why."""

    why: str


Entry = Accepted | Superseded | Unreadable


class RevisionLog:
    """The log as read so far. The first writer on a base wins, so that writers need no lock.

    Attributes:
        taken: the history: revision n stands at n - 1.
        lost: those who came too late.
        unreadable: how many records are no revisions.
    """

    def __init__(self) -> None:
        self.taken: list[Revision] = []
        self.lost: list[Superseded] = []
        self.unreadable = 0

    @property
    def current(self) -> Revision | None:
        """The revision that counts now; None before the first."""
        return self.taken[-1] if self.taken else None

    @property
    def revision(self) -> int:
        """Its number; 0 before the first."""
        return len(self.taken)

    def by_number(self, number: int) -> Revision | None:
        """A revision by its number; None where there is none."""
        return self.taken[number - 1] if 1 <= number <= len(self.taken) else None

    def add(self, value: bytes | None) -> Entry:
        """Takes the next record's value; whatever it holds, nothing is raised."""
        try:
            revision = Revision.model_validate_json(value or b"")
        except ValidationError as error:
            first = error.errors(include_input=False)[0]
            place = ".".join(map(str, first["loc"]))
            return self.skip(f"{place}: {first['msg']}" if place else first["msg"])
        if revision.base != self.revision:
            lost = Superseded(revision, self.by_number(revision.revision))
            self.lost.append(lost)
            return lost
        self.taken.append(revision)
        return Accepted(revision)

    def skip(self, why: str) -> Unreadable:
        """Passes over a record that can't be read."""
        self.unreadable += 1
        return Unreadable(why)
