"""`batch import SCRIPT`: shows what is understood of a script in any format, and writes the mapping beside it."""

import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Final

import typer

from schemas.languages import find_language
from worker.batch.lint.jobs import lint_jobs
from worker.batch.scripts.loader import load_tables, read_script, script_files
from worker.batch.scripts.mapping.file import is_for, mapping_path, read_mapping, write_mapping
from worker.batch.scripts.mapping.lines import NOBODY, Reading, read_lines
from worker.batch.scripts.mapping.model import Cast, ScriptMapping, TableMapping
from worker.batch.scripts.mapping.suggestion import (
    Suggestion,
    match_characters,
    may_be_column,
    open_questions,
    speakers,
    suggest,
)
from worker.batch.scripts.model import Finding, Line, Script, Severity
from worker.batch.scripts.tables.model import Row, Table
from worker.batch.scripts.tables.reader import JSON_LINES, OWN_TABLES
from worker.cli import terminal
from worker.cli.batch_findings import show_findings
from worker.cli.batch_import_options import ImportOptions, pairs
from worker.cli.exit_codes import ExitCode
from worker.cli.options import AsJson
from worker.cli.views.batch_import import describe_mapping, line_rows, speaker_rows
from worker.cli.views.lint import finding_rows
from worker.config.settings import load_settings
from worker.speech.catalogue import Catalogue
from worker.speech.catalogue_file import load_catalogue

_FIRST_LINES: Final = 8


@dataclass
class _Understood:
    """What was recognized: the mapping to write, and what to tell about it."""

    scripts: list[TableMapping] = field(default_factory=list)
    tables: list[dict[str, object]] = field(default_factory=list)
    first_lines: list[Line] = field(default_factory=list)
    names: dict[str, int] = field(default_factory=dict)
    questions: list[str] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)


def import_script(
    script: Annotated[Path, typer.Argument(metavar="SCRIPT", help="A file of any format, or a folder of such files.")],
    options: ImportOptions,
    write: Annotated[bool, typer.Option(help="Write chirp-batch.yaml beside the script.")] = True,
    as_json: AsJson = False,
) -> None:
    """Show what is understood of a script in any format, and write its mapping. Exits 2 if a row is no line.

    What the lint finds in texts is shown too, and is for `batch lint` to refuse.
    """
    from worker.batch.lint.catalogue import RULES
    from worker.cli.batch_check import check_script

    settings = load_settings()
    catalogue = load_catalogue(settings.worker.characters_file)
    before = read_mapping(script)
    understood = _understand(script, before, options, catalogue, settings.worker.max_text_bytes)
    characters = {
        **match_characters(understood.names.keys() - catalogue.names - before.characters.keys(), catalogue.names),
        **before.characters,
        **pairs("--alias", options.alias),
    }
    order = [*understood.names, *characters]
    named = {name: characters[name] for name in order if name in characters}
    mapping = before.model_copy(update={"scripts": understood.scripts, "characters": named})
    checked = check_script(script, settings.worker.max_text_bytes, catalogue, mapping=mapping)
    checked = replace(checked, findings=(*understood.findings, *checked.findings))
    path = mapping_path(script)
    is_written = write and mapping != before and bool(mapping.scripts)
    if is_written:
        write_mapping(path, mapping)
    _show(understood, checked, mapping, catalogue, as_json=as_json)
    if is_written and not as_json:
        terminal.say(f"written: {path}")
    if any(each.severity is Severity.ERROR and each.rule not in RULES for each in checked.findings):
        raise typer.Exit(ExitCode.MISUSED)


def _understand(
    script: Path, before: ScriptMapping, options: ImportOptions, catalogue: Catalogue, max_text_bytes: int
) -> _Understood:
    """The mapping of each file: as it was written before, else as suggested; with the options over it."""
    understood = _Understood()

    def speaks(tag: str) -> bool:
        return find_language(tag, catalogue.languages.keys()) is not None

    for file, name in script_files(script):
        mapped = [each for each in before.scripts if is_for(each, name)]
        if not mapped and options == ImportOptions() and _needs_none(file, catalogue, max_text_bytes):
            understood.tables.append({"file": name, "form": "columns of a job", "taken": "no mapping is needed"})
            continue
        for encoding in dict.fromkeys([each.encoding for each in mapped] or [options.encoding]):
            for table in load_tables(file, name, options.encoding or encoding, may_be_column(speaks)):
                if isinstance(table, Finding):
                    understood.findings.append(table)
                    continue
                rows = [row for row in table.rows if isinstance(row, Row)]
                found = suggest(table, rows, name, speaks)
                written = [each for each in mapped if each.encoding == encoding and each.sheet in {None, table.sheet}]
                if not mapped and options.sheet in {None, table.sheet}:
                    written = [found.mapping]
                for each in written:
                    _add(understood, replace(found, mapping=options.over(each)), table, rows, max_text_bytes)
    # What is written for other files stays.
    files = {each.file for each in understood.scripts}
    understood.scripts += [each for each in before.scripts if each.file not in files]
    return understood


def _needs_none(file: Path, catalogue: Catalogue, max_text_bytes: int) -> bool:
    """Whether a file is written for chirp-worker, and has no error."""
    if file.suffix.lower() not in (*OWN_TABLES, *JSON_LINES):
        return False
    read = read_script(file, max_text_bytes, ScriptMapping())
    findings = (*read.findings, *lint_jobs(read.lines, catalogue))
    return bool(read.lines) and not any(each.severity is Severity.ERROR for each in findings)


def _add(understood: _Understood, found: Suggestion, table: Table, rows: list[Row], max_text_bytes: int) -> None:
    if not table.columns:
        understood.findings += table.findings
        return
    mapping = found.mapping
    if not rows:
        understood.findings.append(Finding(Severity.WARNING, table.header, "has no rows, and gets no mapping"))
        return
    if mapping not in understood.scripts:
        understood.scripts.append(mapping)
    taken = describe_mapping(mapping)
    understood.tables.append({"file": table.file, "form": found.form, "rows": len(rows), "taken": taken})
    names = speakers(mapping, rows)
    for name, count in names.items():
        understood.names[name] = understood.names.get(name, 0) + count
    # Lines are shown as they will be, also where nobody has said yet which character a name is.
    shown = mapping if mapping.character else mapping.model_copy(update={"character": NOBODY})
    reading = Reading(Cast({name: name[:64] for name in names}), max_text_bytes)
    lines = read_lines(replace(table, rows=rows[:_FIRST_LINES]), shown, reading)
    understood.first_lines += [each for each in lines if isinstance(each, Line)]
    understood.questions += [f"{table.file}: {each}" for each in open_questions(mapping, table)]


def _show(
    understood: _Understood, checked: Script, mapping: ScriptMapping, catalogue: Catalogue, *, as_json: bool
) -> None:
    lines = line_rows((understood.first_lines or checked.lines)[:_FIRST_LINES])
    characters = speaker_rows(understood.names, mapping.characters, catalogue.names)
    if as_json:
        document = {
            "tables": understood.tables,
            "lines": len(checked.lines),
            "first_lines": lines,
            "speakers": characters,
            "questions": understood.questions,
            "findings": finding_rows(checked.findings),
            "mapping": mapping.model_dump(mode="json", exclude_none=True),
        }
        terminal.show_one(document, as_json=True)
        return
    for table in understood.tables:
        rows = f", {table['rows']:,} rows" if "rows" in table else ""
        terminal.say(f"{table['file']}: {table['form']}{rows}: {table['taken']}")
    terminal.say()
    terminal.show(lines, as_json=False, nothing="No line yet.")
    if characters:
        terminal.say()
        terminal.show(characters, as_json=False)
    terminal.say()
    show_findings(checked.findings, sys.stdout)
    for question in understood.questions:
        terminal.say(f"open: {question}")
    unnamed = [name for name, key in mapping.characters.items() if key is None]
    if unnamed:
        known = ", ".join(sorted(catalogue.names))
        terminal.say(f"open: who is {', '.join(unnamed[:10])}? The characters are {known}")
    terminal.say(f"{len(checked.lines):,} lines, {len(checked.rows_with_errors):,} rows with errors")
