"""The commands of the studio's night: `batch SCRIPT`, `batch lint|retry|status|report|template`."""

import os
import sys
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Final, Literal
from urllib.parse import quote

import typer
from typer.core import TyperGroup

from schemas.words import VoiceModel
from worker.batch import template as templates
from worker.batch.file_names import path_of
from worker.batch.line_status import LineStatus
from worker.batch.manifest import Entry, default_manifest
from worker.batch.report import page_of
from worker.batch.scripts.loader import read_script
from worker.batch.state import read_state
from worker.batch.voice_selection import KeepTogether, VoicePreference
from worker.cli import terminal
from worker.cli.batch_findings import check_script, show_findings
from worker.cli.batch_options import BatchOptions
from worker.cli.views.batch import failed_rows, finding_rows, manifest_row
from worker.config.settings import load_settings
from worker.speech.catalogue import load_catalogue

SOME_FAILED: Final = 1
REFUSED: Final = 2


class _ScriptOrCommand(TyperGroup):
    """Takes what is no command's name for the script of `run`: `batch SCRIPT` is `batch run SCRIPT`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] not in ctx.help_option_names:
            args = ["run", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=_ScriptOrCommand,
    no_args_is_help=True,
    help="A studio's scripts: `chirp-worker batch SCRIPT` lints one, says which voices and what price it comes to, has "
    "it spoken, and goes on where it was when it is run again.",
)

Script = Annotated[Path, typer.Argument(metavar="SCRIPT", help="A CSV or JSON Lines file, or a folder of them.")]
Manifest = Annotated[Path | None, typer.Option(help="Default: beside the script, with its name.")]
Strict = Annotated[bool, typer.Option("--strict", help="Warnings stop it too.")]
LeaveOut = Annotated[bool, typer.Option("--leave-out", help="Go on without the lines that have errors.")]
Together = Annotated[
    KeepTogether | None,
    typer.Option("--rollout-key", help="What has one voice model; default scene, or character without scenes."),
]
Model = Annotated[
    VoiceModel | None, typer.Option("--voice-model", help="For all lines that name no voice of their own.")
]
Budget = Annotated[float | None, typer.Option(min=0, help="Refuse what costs more USD at list price.")]
Yes = Annotated[bool, typer.Option("--yes", help="Don't ask before it starts.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Findings, voices and price; send nothing.")]
Download = Annotated[
    Path | None, typer.Option(metavar="DIR", help="Fetch the audio into DIR/<character>/<line id>.<ext>.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


@app.command()
def run(
    script: Script,
    manifest: Manifest = None,
    strict: Strict = False,
    leave_out: LeaveOut = False,
    rollout_key: Together = None,
    voice_model: Model = None,
    remake: Annotated[
        bool, typer.Option("--remake", help="Make those lines again whose voice model has changed since.")
    ] = False,
    budget: Budget = None,
    yes: Yes = False,
    dry_run: DryRun = False,
    download: Download = None,
    as_json: AsJson = False,
) -> None:
    """Have a script spoken; run again, it goes on. Exits 0: all done, 1: some failed, 2: refused, 130: stopped."""
    wanted = {LineStatus.NEW, LineStatus.EDITED} | ({LineStatus.VOICE_CHANGED} if remake else set())
    wish = VoicePreference(rollout_key, voice_model)
    asked = BatchOptions(wish, frozenset(wanted), strict, leave_out, budget, yes, dry_run, download, as_json)
    _run(script, manifest, asked)


@app.command()
def retry(
    script: Script,
    manifest: Manifest = None,
    rollout_key: Together = None,
    voice_model: Model = None,
    leave_out: LeaveOut = False,
    budget: Budget = None,
    yes: Yes = False,
    download: Download = None,
    as_json: AsJson = False,
) -> None:
    """Make the lines again that failed, and nothing else."""
    wish = VoicePreference(rollout_key, voice_model)
    wanted = frozenset({LineStatus.FAILED})
    asked = BatchOptions(wish, wanted, leave_out=leave_out, budget=budget, yes=yes, download=download, as_json=as_json)
    _run(script, manifest, asked)


def _run(script: Path, manifest: Path | None, asked: BatchOptions) -> None:
    from worker.cli.batch_run import Batch

    raise typer.Exit(Batch(load_settings(), script, manifest or default_manifest(script), asked).run())


@app.command("lint")
def lint_command(script: Script, strict: Strict = False, as_json: AsJson = False) -> None:
    """Find what would fail or sound otherwise than meant, without any server. Exits 2 on errors."""
    settings = load_settings()
    checked = check_script(script, settings.worker.max_text_bytes, load_catalogue(settings.worker.characters_file))
    if as_json:
        terminal.show(finding_rows(checked.findings), as_json=True)
    else:
        show_findings(checked.findings, sys.stdout, all_of_them=True)
        typer.echo(f"{len(checked.lines):,} lines, {len(checked.findings):,} findings")
    if checked.rows_with_errors or (strict and checked.findings):
        raise typer.Exit(REFUSED)


@app.command()
def status(script: Script, manifest: Manifest = None, as_json: AsJson = False) -> None:
    """How a batch stands, by its manifest: done, failed and why, under way, money."""
    settings = load_settings()
    lines = {line.id for line in read_script(script, settings.worker.max_text_bytes).lines}
    path = manifest or default_manifest(script)
    book = read_state(path)
    row = manifest_row(book.entries, lines, len(book.under_way))
    failed = failed_rows(entry for line, entry in book.entries.items() if line in lines)
    if as_json:
        terminal.show_one({"manifest": str(path), **row, "failures": failed}, as_json=True)
        return
    terminal.show_one({"manifest": str(path), **row}, as_json=False)
    if failed:
        typer.echo("")
        terminal.show(failed, as_json=False)


@app.command()
def report(
    script: Script,
    manifest: Manifest = None,
    download: Annotated[Path | None, typer.Option(metavar="DIR", help="Where --download has put the audio.")] = None,
    out: Annotated[Path | None, typer.Option(help="Default: DIR/report.html, or beside the script.")] = None,
) -> None:
    """Write an HTML page that plays each line; it needs no server, and the audio beside it."""
    settings = load_settings()
    read = read_script(script, settings.worker.max_text_bytes)
    target = out or (download or script.parent) / ("report.html" if download else f"{script.name}.report.html")
    book = read_state(manifest or default_manifest(script))
    page = page_of(read.lines, book.entries, title=script.name, audio=partial(_address, target, download))
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(page, encoding="utf-8")
    typer.echo(target)


def _address(page: Path, folder: Path | None, entry: Entry) -> str | None:
    """Where the page finds a line's audio: relative to it, so that both can be moved together."""
    if folder is None or entry.encoding is None:
        return None
    path = folder / path_of(entry.character, entry.line, entry.encoding)
    if not path.exists():
        return None
    return quote(Path(os.path.relpath(path, page.parent)).as_posix())


@app.command()
def template(
    form: Annotated[Literal["csv", "jsonl"] | None, typer.Argument(help="Only this one.")] = None,
) -> None:
    """Print an example of a script: CSV, and JSON Lines."""
    examples = {"csv": templates.CSV, "jsonl": templates.JSON_LINES}
    if form is not None:
        typer.echo(examples[form], nl=False)
        return
    typer.echo(f"script.csv\n\n{templates.CSV}\nscript.jsonl\n\n{templates.JSON_LINES}", nl=False)
