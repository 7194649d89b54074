"""`batch deliver`: a batch's audio as a game engine imports it."""

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from worker.batch.delivery.engines import TARGETS
from worker.batch.delivery.naming import FIELDS, check_template
from worker.batch.delivery.options import DeliveryOptions, Engine, Form, Mastering, check_sample_rate
from worker.batch.delivery.record import DeliveredFile
from worker.batch.delivery.subtitles import SubtitleForm, subtitle_tables
from worker.batch.manifest import default_manifest
from worker.batch.scripts.mapping.file import read_mapping
from worker.batch.state import read_state
from worker.cli import terminal
from worker.cli.exit_codes import ExitCode
from worker.cli.options import AsJson
from worker.cli.views.batch import describe_some
from worker.config.settings import load_settings
from worker.speech.catalogue_file import load_catalogue

_DEFAULT = Mastering()


def deliver(
    script: Annotated[Path, typer.Argument(metavar="SCRIPT", help="The script of the batch.")],
    audio: Annotated[
        Path,
        typer.Option(
            "--from",
            metavar="DIR",
            file_okay=False,
            exists=True,
            help="The folder of `batch --download`; is only read.",
        ),
    ],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", file_okay=False, help="The folder of the delivery.")],
    to: Annotated[Engine, typer.Option(help="The engine: its tables, and its usual form and names.")] = Engine.FOLDER,
    form: Annotated[Form | None, typer.Option("--format", help="Default: wav, and ogg for godot and renpy.")] = None,
    name: Annotated[
        str | None,
        typer.Option(help="The files' names, of " + ", ".join(f"{{{field}}}" for field in FIELDS) + "."),
    ] = None,
    lufs: Annotated[float, typer.Option(min=-60, max=0, help="The loudness of each line, in LUFS.")] = -23.0,
    peak: Annotated[float, typer.Option(min=-20, max=0, help="The highest true peak, in dBTP.")] = -1.0,
    keep_level: Annotated[bool, typer.Option("--keep-level", help="Leave the loudness as it is.")] = False,
    pad: Annotated[int, typer.Option(min=0, max=5000, help="Milliseconds of silence around the sound.")] = 50,
    keep_silence: Annotated[bool, typer.Option("--keep-silence", help="Trim no silence.")] = False,
    sample_rate: Annotated[int, typer.Option(min=8000, max=96_000, help="In Hz.")] = _DEFAULT.sample_rate,
    subtitles: Annotated[
        list[SubtitleForm] | None,
        typer.Option(help="Also subtitles, a file for each scene and language. May be given twice."),
    ] = None,
    annotate: Annotated[
        bool,
        typer.Option("--annotate", help="Also copies of the script's own files, each line with its audio."),
    ] = False,
    word_times: Annotated[
        bool,
        typer.Option(
            "--word-times",
            help="Also when each word and phone of English lines is spoken. For other languages, and visemes: none.",
        ),
    ] = False,
    gap: Annotated[int, typer.Option(min=0, max=60_000, help="Milliseconds between two lines of subtitles.")] = 0,
    delete: Annotated[bool, typer.Option("--delete", help="Remove files of lines that have left the script.")] = False,
    manifest: Annotated[Path | None, typer.Option(help="The manifest's path; default: beside the script.")] = None,
    as_json: AsJson = False,
) -> None:
    """Deliver a batch's audio to a game engine: named, mastered, with its tables; again, only what has changed."""
    from worker.batch.delivery.annotated.copies import ScriptCopies
    from worker.batch.delivery.deliver import Delivery, TableMaker
    from worker.batch.delivery.word_times import WordTimes
    from worker.cli.batch_check import read_lines

    target = TARGETS[to]
    template = name or target.template
    check_template(template)
    check_sample_rate(form or target.form, sample_rate)
    mastering = Mastering(
        sample_rate=sample_rate,
        target_lufs=None if keep_level else lufs,
        peak_dbtp=peak,
        pad_s=None if keep_silence else pad / 1000,
    )
    options = DeliveryOptions(to, form or target.form, template, mastering, delete=delete)
    settings = load_settings().worker
    lines = read_lines(script, settings.max_text_bytes, load_catalogue(settings.characters_file))
    entries = read_state(manifest or default_manifest(script)).entries
    copies = ScriptCopies(script, read_mapping(script), target.reference)
    subtitled = partial(subtitle_tables, forms=subtitles or (), gap_ms=gap)
    times = WordTimes(out)
    tables: list[TableMaker] = [target.tables, subtitled]
    tables += [copies.tables] if annotate else []
    tables += [times.tables] if word_times else []
    with terminal.progress("delivering") as progress:
        result = Delivery(audio, out, options, tables, script=script.resolve().name).run(lines, entries, progress)
    missing = len(lines) - sum(line.id in entries and entries[line.id].is_done for line in lines)
    row: dict[str, object] = {
        "folder": str(out),
        "written": len(result.written),
        "up to date": len(result.kept),
        "below the loudness": len(result.quiet),
        "of lines that left the script": len(result.old),
        "deleted": len(result.deleted),
        "lines without audio": missing,
    }
    if as_json:
        files = {path: _document(file) for path, file in result.files.items()}
        listed = {"problems": result.problems, "files": files, "tables": result.tables, "old": result.old}
        listed |= {"quiet": result.quiet, "notes": [*copies.notes, *times.notes]}
        terminal.show_one({**row, **listed}, as_json=True)
    else:
        terminal.show_one(row, as_json=False)
        if result.quiet:
            terminal.note(f"below {lufs:g} LUFS, as their peaks allow no more: {describe_some(result.quiet)}")
        if result.old:
            terminal.note(f"of lines that have left the script, --delete removes them: {describe_some(result.old)}")
        for note in (*copies.notes, *times.notes, *result.problems):
            terminal.note(note)
    if result.problems or missing:
        raise typer.Exit(ExitCode.FAILED)


def _document(file: DeliveredFile) -> dict[str, object]:
    return file.model_dump(mode="json", exclude={"sha256", "made_by"})
