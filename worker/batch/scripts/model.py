"""The model of a studio's script: its lines with their places, and findings about them. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from schemas.job import Job

MANIFEST_SUFFIX: Final = ".manifest.jsonl"
JOURNAL_SUFFIX: Final = ".manifest.journal"
"""A batch keeps files with these suffixes beside its script; they are no scripts themselves."""

MOST_TAKES: Final = 20
"""The highest number of a take that a batch makes or looks for."""
NO_JOB: Final = "job"
"""The rule of findings about rows and files that can't be read as jobs."""


class Severity(StrEnum):
    """An error stops the batch. A warning stops it only with `--strict`. What is fixed stops nothing."""

    ERROR = "error"
    WARNING = "warning"
    FIXED = "fixed"


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A place in a file: `line` counts from 1; `column` is a number where the format is broken, else a field's name."""

    file: str
    line: int
    column: str = ""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.column else f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """A row that is no job because of its text alone: a fix of the text may make it one.

    Attributes:
        document: the fields of the job, and `scene`.
        columns: the file's names of the fields.
    """

    document: Mapping[str, Any]
    columns: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Finding:
    """An error, a warning or a fix, and the line that it is about.

    Attributes:
        rule: the name of what found it.
        before: the text before a fix; empty for no fix.
        after: the text after it.
        row: the row that was refused.
    """

    severity: Severity
    place: Place
    message: str
    line_id: str | None = None
    rule: str = NO_JOB
    before: str = ""
    after: str = ""
    row: RefusedRow | None = field(default=None, compare=False, repr=False)

    def __str__(self) -> str:
        rule = "" if self.rule == NO_JOB else f" [{self.rule}]"
        return f"{self.place}: {self.severity}: {self.message}{rule}"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a script.

    Attributes:
        job: its `job_id` is the line's id.
        place: where the line begins.
        columns: the file's names of the job's fields, such as `C (text)`; one mapping for all lines of a file.
        takes: how many takes are made to choose from, the line's own included; None where the script doesn't say.
        first_take: the script's own number of the take where a choice stands in its place; None without a choice.
    """

    job: Job
    scene: str | None
    place: Place
    columns: Mapping[str, str]
    takes: int | None = None
    first_take: int | None = None

    @property
    def id(self) -> str:
        """The line's id."""
        return self.job.job_id

    def at(self, field: str) -> Place:
        """The place of a field; a field that the file doesn't have keeps its own name."""
        return Place(self.place.file, self.place.line, column_of(field, self.columns))


@dataclass(frozen=True, slots=True)
class Script:
    """The lines that are valid jobs, and the findings about all rows."""

    lines: tuple[Line, ...]
    findings: tuple[Finding, ...]

    @property
    def unmended(self) -> tuple[Finding, ...]:
        """The findings that no fix has mended."""
        return tuple(each for each in self.findings if each.severity is not Severity.FIXED)

    @property
    def rows_with_errors(self) -> frozenset[tuple[str, int]]:
        """File and line of each row with an error."""
        return frozenset(
            (each.place.file, each.place.line) for each in self.findings if each.severity is Severity.ERROR
        )


def column_of(field: str, columns: Mapping[str, str]) -> str:
    """A file's name of a job's field; for a nested field, of the nearest outer field that the file has.

    Args:
        field: dotted, such as `audio.sample_rate` or `pronunciations.0.phrase`.
        columns: the file's names by field.
    """
    name = field
    while name not in columns and "." in name:
        name = name.rpartition(".")[0]
    return columns.get(name, field)
