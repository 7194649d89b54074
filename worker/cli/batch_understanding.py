"""What `batch import` understands of a script: the mapping of each table, with its first lines and what is open."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from schemas.languages import find_language
from worker.batch.lint.jobs import lint_jobs
from worker.batch.scripts.loader import load_tables, read_script, script_files, unread_files
from worker.batch.scripts.mapping.file import is_for, is_ignored
from worker.batch.scripts.mapping.lines import NOBODY, Reading, read_lines
from worker.batch.scripts.mapping.model import Cast, ScriptMapping, TableMapping
from worker.batch.scripts.mapping.suggestion import (
    Speaks,
    Suggestion,
    is_wanted,
    may_be_column,
    open_questions,
    speakers,
    suggest,
)
from worker.batch.scripts.mapping.table_names import from_names, with_ids_apart
from worker.batch.scripts.model import Finding, Line, Severity
from worker.batch.scripts.tables.model import Row, Table
from worker.batch.scripts.tables.reader import JSON_LINES, OWN_TABLES
from worker.cli.batch_import_options import ImportOptions
from worker.cli.views.batch_import import describe_mapping
from worker.speech.catalogue import Catalogue

FIRST_LINES: Final = 8
_SHOWN_FILES: Final = 10


@dataclass
class Understood:
    """What was recognized: the mapping to write, and what to tell about it."""

    scripts: list[TableMapping] = field(default_factory=list)
    ignore: list[str] = field(default_factory=list)
    tables: list[dict[str, object]] = field(default_factory=list)
    first_lines: list[Line] = field(default_factory=list)
    names: dict[str, int] = field(default_factory=dict)
    questions: list[str] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)


@dataclass(frozen=True)
class _Read:
    """A table that was read, with the mapping that it seems to need, or has."""

    found: Suggestion
    table: Table
    content: list[Row | Finding]
    is_new: bool

    @property
    def rows(self) -> list[Row]:
        """Without findings."""
        return [each for each in self.content if isinstance(each, Row)]

    @property
    def has_text(self) -> bool:
        """Whether a column of it is spoken."""
        mapping = self.found.mapping
        return bool(mapping.texts or mapping.columns.keys() & {"text", "ssml"})


def understand(
    script: Path, before: ScriptMapping, options: ImportOptions, catalogue: Catalogue, max_text_bytes: int
) -> Understood:
    """The mapping of each file: as it was written before, else as suggested; with the options over it."""
    understood = Understood()
    speaks = _speaks(catalogue)
    read: list[_Read] = []
    for file, name in script_files(script):
        if is_ignored(before, name):
            continue
        mapped = [each for each in before.scripts if is_for(each, name)]
        if not mapped and options == ImportOptions() and _needs_none(file, catalogue, max_text_bytes):
            understood.tables.append({"file": name, "form": "columns of a job", "taken": "no mapping is needed"})
            continue
        for encoding in dict.fromkeys([each.encoding for each in mapped] or [options.encoding]):
            for table in load_tables(file, name, options.encoding or encoding, may_be_column(speaks)):
                if isinstance(table, Finding):
                    understood.findings.append(table)
                elif options.sheet == table.sheet or not is_ignored(before, name, table.sheet):
                    of_encoding = [each for each in mapped if each.encoding == encoding]
                    read += _read(table, name, of_encoding if mapped else None, options, catalogue)
    _add_all(understood, read, max_text_bytes)
    # What is written for other files stays.
    files = {each.file for each in understood.scripts}
    understood.scripts += [each for each in before.scripts if each.file not in files]
    if unread := unread_files(script):
        shown = ", ".join(unread[:_SHOWN_FILES]) + (", …" if len(unread) > _SHOWN_FILES else "")
        understood.questions.append(f"not read, since no format that is read ends so: {shown}")
    return understood


def _read(
    table: Table, name: str, mapped: list[TableMapping] | None, options: ImportOptions, catalogue: Catalogue
) -> Iterator[_Read]:
    """A table with each mapping that was written for it, or with the suggested one."""
    content = list(table.rows)
    speaks = _speaks(catalogue)
    found = suggest(table, [row for row in content if isinstance(row, Row)], name, speaks)
    if mapped is not None:
        written = [each for each in mapped if each.sheet in {None, table.sheet}]
    elif options.sheet in {None, table.sheet}:
        written = [from_names(found.mapping, catalogue.names, speaks)]
    else:
        written = []
    for each in written:
        yield _Read(replace(found, mapping=options.over(each)), table, content, is_new=mapped is None)


def _speaks(catalogue: Catalogue) -> Speaks:
    return lambda tag: find_language(tag, catalogue.languages.keys()) is not None


def _add_all(understood: Understood, tables: list[_Read], max_text_bytes: int) -> None:
    """Adds what was understood of all tables; one in which no text was found is left out, if others have some."""
    has_text = [each for each in tables if each.has_text]
    new = [each for each in has_text if each.is_new]
    apart = with_ids_apart([(each.found.mapping, each.rows) for each in new])
    mappings = {id(each): mapping for each, mapping in zip(new, apart, strict=True)}
    for each in tables:
        if each.is_new and has_text and not each.has_text and each.table.columns:
            understood.ignore.append(each.table.file)
            message = "no column of it is a text: left out, by ignore in chirp-batch.yaml"
            understood.findings.append(Finding(Severity.WARNING, each.table.header, message))
            continue
        found = replace(each.found, mapping=mappings.get(id(each), each.found.mapping))
        _add(understood, replace(each, found=found), max_text_bytes)


def _needs_none(file: Path, catalogue: Catalogue, max_text_bytes: int) -> bool:
    """Whether a file is written for chirp-worker, and has no error."""
    if file.suffix.lower() not in (*OWN_TABLES, *JSON_LINES):
        return False
    read = read_script(file, max_text_bytes, ScriptMapping())
    findings = (*read.findings, *lint_jobs(read.lines, catalogue))
    return bool(read.lines) and not any(each.severity is Severity.ERROR for each in findings)


def _add(understood: Understood, read: _Read, max_text_bytes: int) -> None:
    found, table, rows = read.found, read.table, read.rows
    if not table.columns:
        understood.findings += table.findings
        return
    mapping = found.mapping
    if not read.content:
        understood.findings.append(Finding(Severity.WARNING, table.header, "has no rows, and gets no mapping"))
        return
    if mapping not in understood.scripts:
        understood.scripts.append(mapping)
    taken = describe_mapping(mapping)
    counts: dict[str, object] = {"rows": len(rows)}
    if filtered := sum(not is_wanted(mapping, row) for row in rows):
        counts["left out by filters"] = filtered
    understood.tables.append({"file": table.file, "form": found.form, **counts, "taken": taken})
    names = speakers(mapping, rows)
    for name, count in names.items():
        understood.names[name] = understood.names.get(name, 0) + count
    # Lines are shown as they will be, also where nobody has said yet which character a name is.
    shown = mapping if mapping.character else mapping.model_copy(update={"character": NOBODY})
    reading = Reading(Cast({name: name[:64] for name in names}), max_text_bytes)
    lines = read_lines(replace(table, rows=rows[:FIRST_LINES]), shown, reading)
    understood.first_lines += [each for each in lines if isinstance(each, Line)]
    understood.questions += [f"{table.file}: {each}" for each in open_questions(mapping, table, rows)]
