"""Folds the records of `tts.rollout` into the current revision: optimistic concurrency, the first writer wins. Pure.

Each record names the revision that it changes, its base. A record counts only if its base is the current revision at
its place in the log, so that all readers agree on the history and writers need no lock.
"""

from dataclasses import dataclass

from pydantic import ValidationError

from schemas.revision import Revision


@dataclass(frozen=True)
class Accepted:
    """A record that became a revision."""

    revision: Revision


@dataclass(frozen=True)
class Superseded:
    """A record with a base that isn't the current revision.

    Attributes:
        revision: the revision that the record would have made.
        winner: the revision that changed the same base before it; None if the log has no such base.
    """

    revision: Revision
    winner: Revision | None


@dataclass(frozen=True)
class Unreadable:
    """A record that is not a revision; `why` says what is wrong with it."""

    why: str


Entry = Accepted | Superseded | Unreadable


class RevisionLog:
    """The log as far as it is read.

    Attributes:
        accepted: the history; revision n is at index n - 1.
        superseded: records that came too late.
        unreadable: the number of records that are not revisions.
    """

    def __init__(self) -> None:
        self.accepted: list[Revision] = []
        self.superseded: list[Superseded] = []
        self.unreadable = 0

    @property
    def current(self) -> Revision | None:
        """The current revision; None before the first."""
        return self.accepted[-1] if self.accepted else None

    @property
    def revision(self) -> int:
        """The number of the current revision; 0 before the first."""
        return len(self.accepted)

    def by_number(self, number: int) -> Revision | None:
        """A revision by its number; None if there is none."""
        return self.accepted[number - 1] if 1 <= number <= len(self.accepted) else None

    def add(self, value: bytes | None) -> Entry:
        """Adds the next record's value. It accepts any bytes and raises nothing."""
        try:
            revision = Revision.model_validate_json(value or b"")
        except ValidationError as error:
            first = error.errors(include_input=False)[0]
            place = ".".join(map(str, first["loc"]))
            return self.skip(f"{place}: {first['msg']}" if place else first["msg"])
        if revision.base != self.revision:
            superseded = Superseded(revision, self.by_number(revision.revision))
            self.superseded.append(superseded)
            return superseded
        self.accepted.append(revision)
        return Accepted(revision)

    def skip(self, why: str) -> Unreadable:
        """Counts a record that can't be read."""
        self.unreadable += 1
        return Unreadable(why)
