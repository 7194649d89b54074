"""What is wrong, unwise or good to know about a plan, and what to write instead. Pure."""

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """WRONG: it can't be used, or not as it is meant; UNWISE: it can, and shouldn't; NOTE: to be known."""

    WRONG = "wrong"
    UNWISE = "unwise"
    NOTE = "note"


@dataclass(frozen=True)
class Finding:
    """One thing.

    Attributes:
        severity: how bad it is.
        line: of the file, from 1.
        where: the field, such as `stages[2].characters`; empty for the whole plan.
        says: what is found, with the value.
        instead: what to write; empty where there is nothing to do.
    """

    severity: Severity
    line: int
    where: str
    says: str
    instead: str = ""

    def __str__(self) -> str:
        where = f"{self.where}: " if self.where else ""
        instead = f"; {self.instead}" if self.instead else ""
        return f"line {self.line}: {where}{self.says}{instead}"


def field_path(path: tuple[str | int, ...]) -> str:
    """A field for people: `stages[2].gates[0].limit`."""
    told = ""
    for each in path:
        told += f"[{each}]" if isinstance(each, int) else f".{each}" if told else each
    return told
