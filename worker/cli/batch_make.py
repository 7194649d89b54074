"""`batch run` and `batch retry`: the commands that make a script's audio."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from schemas.enums import VoiceModel
from worker.batch.line_status import LineStatus
from worker.batch.manifest import default_manifest
from worker.batch.scripts.model import MOST_TAKES
from worker.batch.voice_selection import KeepTogether, VoicePreference
from worker.cli.batch_arguments import Budget, Cap, Download, DryRun, Manifest, Script, Strict, Yes
from worker.cli.batch_options import BatchOptions
from worker.cli.options import AsJson
from worker.config.settings import load_settings


@dataclass(frozen=True)
class MakeOptions:
    """The options of the commands that make audio."""

    manifest: Manifest = None
    leave_out: Annotated[bool, typer.Option("--leave-out", help="Leave out the lines with errors.")] = False
    rollout_key: Annotated[
        KeepTogether | None,
        typer.Option(help="The unit with one voice model; default: scene, or character without scenes."),
    ] = None
    voice_model: Annotated[
        VoiceModel | None, typer.Option(help="The voice model for all lines that name no voice.")
    ] = None
    budget: Budget = None
    cap: Cap = None
    yes: Yes = False
    download: Download = None
    as_json: AsJson = False

    def for_lines(
        self, wanted: set[LineStatus], *, takes: int | None = None, strict: bool = False, dry_run: bool = False
    ) -> BatchOptions:
        """The options of a run that makes the lines with some statuses."""
        return BatchOptions(
            voices=VoicePreference(self.rollout_key, self.voice_model),
            wanted=frozenset(wanted),
            takes=takes,
            strict=strict,
            leave_out=self.leave_out,
            budget=self.budget,
            cap=self.cap,
            yes=self.yes,
            dry_run=dry_run,
            download=self.download,
            as_json=self.as_json,
        )


def run(
    script: Script,
    options: MakeOptions,
    strict: Strict = False,
    takes: Annotated[
        int,
        typer.Option(min=1, max=MOST_TAKES, help="Takes of each line to choose from; the column takes says it too."),
    ] = 1,
    remake: Annotated[
        bool, typer.Option("--remake", help="Make lines again that would get another voice now.")
    ] = False,
    dry_run: DryRun = False,
) -> None:
    """Make a script's audio; run again, it continues. Exits 0: all done, 1: some failed, 2: refused, 130: stopped."""
    wanted = {LineStatus.NEW, LineStatus.EDITED} | ({LineStatus.VOICE_CHANGED} if remake else set())
    _run(script, options.manifest, options.for_lines(wanted, takes=takes, strict=strict, dry_run=dry_run))


def retry(script: Script, options: MakeOptions) -> None:
    """Try the failed lines again, and only these."""
    _run(script, options.manifest, options.for_lines({LineStatus.FAILED}))


def _run(script: Path, manifest: Path | None, options: BatchOptions) -> None:
    from worker.cli.batch_run import Batch

    raise typer.Exit(Batch(load_settings(), script, manifest or default_manifest(script), options).run())
