"""A studio's script: its lines, where each stands, and what is found wrong with it. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from schemas.job import Job


class Severity(StrEnum):
    """An error stops the batch; a warning doesn't, but for `--strict`."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where something stands: `line` from 1; `column` is a number where the form is broken, else the field's name."""

    file: str
    line: int
    column: str = ""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.column else f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong or unwise, and of which line."""

    severity: Severity
    place: Place
    message: str
    line_id: str | None = None

    def __str__(self) -> str:
        return f"{self.place}: {self.severity}: {self.message}"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a script.

    Attributes:
        job: as the script says it; its `job_id` is the line's id.
        scene: what the script says, if it has scenes.
        place: where it begins.
        columns: how the file calls the job's fields, such as `C (text)`; one mapping for all lines of a file.
    """

    job: Job
    scene: str | None
    place: Place
    columns: Mapping[str, str]

    @property
    def id(self) -> str:
        """The line's id."""
        return self.job.job_id

    def at(self, field: str) -> Place:
        """Where a field of the line stands; one that the file doesn't have, by its name."""
        return Place(self.place.file, self.place.line, column_of(field, self.columns))


@dataclass(frozen=True, slots=True)
class Script:
    """What was read: the lines that are jobs, and what is wrong with the others."""

    lines: tuple[Line, ...]
    findings: tuple[Finding, ...]

    @property
    def rows_with_errors(self) -> frozenset[tuple[str, int]]:
        """The file and line of each row in which an error was found."""
        return frozenset(
            (each.place.file, each.place.line) for each in self.findings if each.severity is Severity.ERROR
        )


def column_of(field: str, columns: Mapping[str, str]) -> str:
    """How a file calls a job's field; of a deeper one the nearest that it has.

    Args:
        field: dotted, such as `audio.sample_rate` or `pronunciations.0.phrase`.
        columns: the file's own names by field.
    """
    name = field
    while name not in columns and "." in name:
        name = name.rpartition(".")[0]
    return columns.get(name, field)
