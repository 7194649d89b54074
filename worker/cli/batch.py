"""The commands for a studio's scripts: `batch SCRIPT`, `batch import`, `lint`, `lexicon`, `deliver` and more."""

import sys
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import typer
from typer.core import TyperGroup

from worker.batch.manifest import default_manifest, takes_manifest
from worker.batch.state import read_state
from worker.cli import terminal
from worker.cli.batch_arguments import Manifest, Script, Strict
from worker.cli.batch_choices import choices, compare
from worker.cli.batch_deliver import deliver
from worker.cli.batch_findings import show_findings
from worker.cli.batch_import import import_script
from worker.cli.batch_make import retry, run
from worker.cli.batch_redo import redo
from worker.cli.batch_report import report
from worker.cli.batch_verdicts import verdicts
from worker.cli.exit_codes import ExitCode
from worker.cli.option_groups import grouped_options
from worker.cli.options import AsJson
from worker.cli.views.batch import failed_rows, manifest_row
from worker.cli.views.lint import finding_rows, lexicon_csv, name_rows, rule_rows
from worker.cli.views.takes import candidate_totals
from worker.config.settings import load_settings
from worker.lifecycle.rare_collections import rare_collections
from worker.speech.catalogue_file import load_catalogue

_CSV_EXAMPLE: Final = """\
job_id,character,text,scene,language,speaking_rate,take,pronunciations,labels.quest
intro-1,pip_boy,"Good morning, wanderer. [pause] Your boots are dry.",vault-door,en-US,,,,main
intro-2,ghoul,"They call me ""Smoothskin"". I don't mind.",vault-door,en-US,0.9,,,main
intro-3,ghoul,The ghoul speaks last.,vault-door,en-US,,2,"[{""phrase"": ""ghoul"", ""phonetic"": ""ɡuːl""}]",
intro-4,pip_boy,今天的輻射值偏低。,garden,cmn-TW,,,,side
"""

_JSON_LINES_EXAMPLE: Final = """\
{"job_id": "intro-1", "character": "pip_boy", "text": "Good morning. [pause] All is well.", "scene": "vault-door"}
{"job_id": "intro-2", "character": "ghoul", "text": "I don't mind.", "scene": "vault-door", "speaking_rate": 0.9}
{"job_id": "intro-3", "character": "ghoul", "ssml": "<speak>Wait <break time=\\"1s\\"/> for it.</speak>", "take": 2}
{"job_id": "intro-4", "character": "pip_boy", "text": "今天的輻射值偏低。", "language": "cmn-TW", "take": 1}
"""


class _ScriptOrCommand(TyperGroup):
    """Runs a script where no command is named: `batch SCRIPT` means `batch run SCRIPT`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] not in ctx.help_option_names:
            misspelt = not Path(args[0]).exists() and get_close_matches(args[0], self.commands)
            args = args if misspelt else ["run", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=_ScriptOrCommand,
    no_args_is_help=True,
    help="Make the audio of a script: `chirp-worker batch SCRIPT` checks it, shows voices and price, and makes it. "
    "Run again, it continues where it ended.",
)


@app.callback()
def _before_any_command(context: typer.Context) -> None:
    # A script's lines are kept to the end, and refer to nothing that refers to them: the collector finds nothing.
    context.with_resource(rare_collections())


app.command()(grouped_options(run))
app.command("import")(grouped_options(import_script))
app.command()(grouped_options(retry))
app.command()(grouped_options(redo))


@app.command("lint")
def lint_command(
    script: Script,
    strict: Strict = False,
    fix: Annotated[
        bool, typer.Option("--fix", help="Show before and after of all that the rules can fix; changes no file.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Check a script for what would fail or sound different than intended; needs no server. Exits 2 on errors.

    The section `lint` of chirp-batch.yaml beside the script sets each rule to error, warn, fix or off.
    """
    from worker.cli.batch_check import check_script

    settings = load_settings()
    catalogue = load_catalogue(settings.worker.characters_file)
    checked = check_script(script, settings.worker.max_text_bytes, catalogue, all_fixes=fix)
    rules = rule_rows(checked.findings)
    if as_json:
        document = {"lines": len(checked.lines), "rules": rules, "findings": finding_rows(checked.findings)}
        terminal.show_one(document, as_json=True)
    else:
        show_findings(checked.findings, sys.stdout, all_of_them=True)
        if rules:
            terminal.say("")
            terminal.show(rules, as_json=False)
        terminal.say(f"{len(checked.lines):,} lines, {len(checked.findings):,} findings")
    if checked.rows_with_errors or (strict and checked.unmended):
        raise typer.Exit(ExitCode.MISUSED)


@app.command("lexicon")
def lexicon_command(
    script: Script,
    top: Annotated[int, typer.Option(min=1, help="So many names at most.")] = 100,
    as_csv: Annotated[
        bool, typer.Option("--csv", help="As the lexicon's CSV file, to fill in and name in chirp-batch.yaml.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """List the names of a script that its lexicon doesn't have, by frequency."""
    from worker.cli.batch_check import list_unknown_names

    settings = load_settings()
    catalogue = load_catalogue(settings.worker.characters_file)
    names = list_unknown_names(script, settings.worker.max_text_bytes, catalogue)[:top]
    if as_csv:
        terminal.say(lexicon_csv(names), newline=False)
    else:
        terminal.show(name_rows(names), as_json=as_json, nothing="No names without an entry in a lexicon.")


@app.command()
def status(script: Script, manifest: Manifest = None, as_json: AsJson = False) -> None:
    """Show a batch's manifest: lines done, failed (and why) and in progress, and the cost."""
    from worker.cli.batch_check import read_lines

    settings = load_settings()
    catalogue = load_catalogue(settings.worker.characters_file)
    lines = {line.id for line in read_lines(script, settings.worker.max_text_bytes, catalogue)}
    path = manifest or default_manifest(script)
    state = read_state(path)
    others = read_state(takes_manifest(path))
    row = manifest_row(state.entries, lines, len(state.in_flight))
    if others.entries or others.in_flight:
        row |= {**candidate_totals(others.entries, state.entries, lines), "candidates under way": len(others.in_flight)}
    failed = failed_rows(entry for line, entry in state.entries.items() if line in lines)
    if as_json:
        terminal.show_one({"manifest": str(path), **row, "failures": failed}, as_json=True)
        return
    terminal.show_one({"manifest": str(path), **row}, as_json=False)
    if failed:
        terminal.say("")
        terminal.show(failed, as_json=False)


app.command()(report)
app.command("deliver")(deliver)
app.command()(compare)
app.command()(choices)
app.command()(verdicts)


@app.command()
def template(
    form: Annotated[Literal["csv", "jsonl"] | None, typer.Argument(help="Only this format.")] = None,
) -> None:
    """Print an example script in CSV and in JSON Lines."""
    examples = {"csv": _CSV_EXAMPLE, "jsonl": _JSON_LINES_EXAMPLE}
    if form is not None:
        terminal.say(examples[form], newline=False)
        return
    terminal.say(f"script.csv\n\n{_CSV_EXAMPLE}\nscript.jsonl\n\n{_JSON_LINES_EXAMPLE}", newline=False)
