"""`batch import SCRIPT`: shows what is understood of a script in any format, and writes the mapping beside it."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from worker.batch.scripts.mapping.file import mapping_path, read_mapping, write_mapping
from worker.batch.scripts.mapping.model import ScriptMapping
from worker.batch.scripts.mapping.suggestion import match_characters
from worker.batch.scripts.model import Script, Severity
from worker.cli import terminal
from worker.cli.batch_findings import show_findings
from worker.cli.batch_import_options import ImportOptions, pairs
from worker.cli.batch_understanding import FIRST_LINES, Understood, understand
from worker.cli.exit_codes import ExitCode
from worker.cli.options import AsJson
from worker.cli.views.batch_import import line_rows, speaker_rows
from worker.cli.views.lint import finding_rows
from worker.config.settings import load_settings
from worker.speech.catalogue import Catalogue
from worker.speech.catalogue_file import load_catalogue


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
    understood = understand(script, before, options, catalogue, settings.worker.max_text_bytes)
    characters = {
        **match_characters(understood.names.keys() - catalogue.names - before.characters.keys(), catalogue.names),
        **before.characters,
        **pairs("--alias", options.alias),
    }
    order = [*understood.names, *characters]
    named = {name: characters[name] for name in order if name in characters}
    ignore = list(dict.fromkeys([*before.ignore, *understood.ignore]))
    mapping = before.model_copy(update={"scripts": understood.scripts, "ignore": ignore, "characters": named})
    checked = check_script(script, settings.worker.max_text_bytes, catalogue, mapping=mapping)
    # What is found in a file as a whole is found by the check too, once the file has a mapping.
    checked = replace(checked, findings=tuple(dict.fromkeys((*understood.findings, *checked.findings))))
    path = mapping_path(script)
    is_written = write and mapping != before and bool(mapping.scripts)
    if is_written:
        write_mapping(path, mapping)
    _show(understood, checked, mapping, catalogue, as_json=as_json)
    if is_written and not as_json:
        terminal.say(f"written: {path}")
    if any(each.severity is Severity.ERROR and each.rule not in RULES for each in checked.findings):
        raise typer.Exit(ExitCode.MISUSED)


def _show(
    understood: Understood, checked: Script, mapping: ScriptMapping, catalogue: Catalogue, *, as_json: bool
) -> None:
    lines = line_rows((understood.first_lines or checked.lines)[:FIRST_LINES])
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
        if filtered := table.get("left out by filters"):
            rows += f" ({filtered:,} left out by filters)"
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
