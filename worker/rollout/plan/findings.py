"""Findings about a plan or trace: what is wrong, unwise or worth knowing, in which line, and what to write. Pure."""

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How bad a finding is.

    WRONG: the file can't be used, or doesn't mean what it says. UNWISE: it can be used and shouldn't be. NOTE: worth
    knowing.
    """

    WRONG = "wrong"
    UNWISE = "unwise"
    NOTE = "note"


@dataclass(frozen=True)
class Finding:
    """One finding.

    Attributes:
        severity: how bad it is.
        line: in the file, from 1.
        where: the field, such as `stages[2].characters`; empty for the whole file.
        message: what was found, with the value.
        suggestion: what to write instead; empty if nothing has to change.
    """

    severity: Severity
    line: int
    where: str
    message: str
    suggestion: str = ""

    def __str__(self) -> str:
        where = f"{self.where}: " if self.where else ""
        suggestion = f"; {self.suggestion}" if self.suggestion else ""
        return f"line {self.line}: {where}{self.message}{suggestion}"


def format_path(path: tuple[str | int, ...]) -> str:
    """Write a field's path for people: `stages[2].gates[0].limit`."""
    text = ""
    for each in path:
        text += f"[{each}]" if isinstance(each, int) else f".{each}" if text else each
    return text
