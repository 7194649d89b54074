"""`batch report`: a batch as a page that plays its lines and takes verdicts, without a server."""

import asyncio
import os
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated
from urllib.parse import quote

import typer

from worker.batch.atomic_file import replace_file
from worker.batch.audio_file import is_take
from worker.batch.entry import ManifestEntry
from worker.batch.manifest import default_manifest, takes_manifest
from worker.batch.regular_file import followed
from worker.batch.report.rows import AudioPlace, ReportInput
from worker.batch.state import read_state
from worker.batch.takes_of_line import LineTake, takes_of_lines
from worker.cli import terminal
from worker.config.settings import load_settings
from worker.speech.catalogue_file import load_catalogue


def report(
    script: Annotated[Path, typer.Argument(metavar="SCRIPT", help="The script of the batch.")],
    manifest: Annotated[Path | None, typer.Option(help="The manifest's path; default: beside the script.")] = None,
    download: Annotated[
        Path | None, typer.Option(metavar="DIR", file_okay=False, help="The folder of --download, with the audio.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="The page's path; default: DIR/report.html, or beside the script.")
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Measure no audio: no outliers by level and silence.")] = False,
    publish: Annotated[bool, typer.Option("--publish", help="Store it for the console too, with the texts.")] = False,
) -> None:
    """Write an HTML page that plays each line and takes verdicts. It needs no server; keep the audio beside it."""
    from worker.batch.line_takes import LineTakes
    from worker.batch.report.page import render_report
    from worker.batch.report.take_sounds import measure_takes
    from worker.batch.verdicts import read_verdicts, verdicts_path
    from worker.cli.batch_check import check_script
    from worker.lifecycle.clock import Clock

    settings = load_settings()
    catalogue = load_catalogue(settings.worker.characters_file)
    read = check_script(script, settings.worker.max_text_bytes, catalogue)
    of_lines = manifest or default_manifest(script)
    entries = read_state(of_lines).entries
    keys = LineTakes(catalogue, settings.storage.prefix, Clock().now())
    takes = takes_of_lines(read.lines, entries, read_state(takes_manifest(of_lines)).entries, keys)
    sounds = {}
    own = {} if download is None else _own_paths(download, takes)
    if download is not None and not quick:
        with terminal.progress("measuring takes") as progress:
            sounds = measure_takes(download, own, progress)
    target = out or (download or script.parent) / ("report.html" if download else f"{script.name}.report.html")
    verdicts = verdicts_path(script)
    given = ReportInput(
        lines=read.lines,
        entries=entries,
        audio=partial(_find_audio, target, download),
        takes=takes,
        findings=read.findings,
        sounds=sounds,
        verdicts=read_verdicts(verdicts) if verdicts.exists() else {},
    )
    page = render_report(given, title=script.name)
    target.parent.mkdir(parents=True, exist_ok=True)
    replace_file(followed(target), page.encode())
    terminal.say(str(target))
    if absent := sum(not os.path.lexists(path) for path in own):
        terminal.note(f"{download} has no audio of {absent:,} of {len(own):,} lines: `batch --download` fetches it")
    if publish:
        from worker.cli.batch_publish import publish_report

        asyncio.run(publish_report(settings, given, script.name, len(read.findings)))


def _own_paths(folder: Path, takes: Mapping[str, Sequence[LineTake]]) -> dict[Path, ManifestEntry]:
    return {folder / each.path: each.entry for of_line in takes.values() for each in of_line if each.is_own}


def _find_audio(page: Path, folder: Path | None, take: LineTake) -> AudioPlace:
    """Looks for a take's audio; its URL is relative to the page, so that both can be moved together."""
    if folder is None or take.entry.encoding is None:
        return AudioPlace()
    path = folder / take.path
    if not os.path.lexists(path):
        return AudioPlace()
    if not is_take(path, take.entry.sha256):
        return AudioPlace(is_other=True)
    return AudioPlace(quote(Path(os.path.relpath(path, page.parent)).as_posix()))
