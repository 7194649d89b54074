"""`batch verdicts`: what directors said of a script's lines, from the file beside it and from the console."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from schemas.enums import VerdictChoice
from schemas.topics import VERDICTS
from schemas.verdict import LineVerdict, Verdict
from worker.batch.entry import ManifestEntry
from worker.batch.manifest import default_manifest, takes_manifest
from worker.batch.state import read_state
from worker.batch.verdicts import merge_verdicts, read_verdicts, verdicts_path, write_verdicts
from worker.cli import terminal
from worker.cli.options import AsJson
from worker.config.sections import KafkaSettings
from worker.config.settings import load_settings


def verdicts(
    script: Annotated[Path, typer.Argument(metavar="SCRIPT", help="The script of the batch.")],
    manifest: Annotated[Path | None, typer.Option(help="The manifest's path; default: beside the script.")] = None,
    fetch: Annotated[bool, typer.Option("--fetch", help="Write the console's verdicts into the file.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show the verdicts on a script's lines, and what is left to redo, from the file beside the script."""
    path = verdicts_path(script)
    known = read_verdicts(path) if path.exists() else {}
    if fetch:
        name, before = script.resolve().name, known
        known = merge_verdicts(before, asyncio.run(_read_topic(load_settings().kafka)), name)
        if known != before:
            write_verdicts(path, name, known.values())
        changed = sum(known.get(line) != before.get(line) for line in known.keys() | before.keys())
        terminal.note(f"{path}: {changed:,} verdicts changed by the console's, {len(known):,} in all")
    of_lines = manifest or default_manifest(script)
    heard = _audio(read_state(of_lines).entries, read_state(takes_manifest(of_lines)).entries)
    rows = [_row(each, heard) for each in sorted(known.values(), key=lambda each: each.line)]
    terminal.show(rows, as_json=as_json, nothing="No verdicts.")
    left = sum(row["verdict"] == VerdictChoice.REDO and not row["made again"] for row in rows)
    terminal.note(f"{left:,} {'line' if left == 1 else 'lines'} left to redo")


async def _read_topic(settings: KafkaSettings) -> list[Verdict]:
    """All verdicts, in their order.

    Raises:
        TopicError: the topic doesn't exist.
        KafkaTimeoutError: Kafka has stopped answering.
    """
    from schemas.message_parsing import parse_verdict
    from worker.cli.event_topics import read_events

    return await read_events(settings, VERDICTS, parse_verdict, "reading the verdicts")


def _audio(*manifests: Mapping[str, ManifestEntry]) -> frozenset[str]:
    return frozenset(each.sha256 for entries in manifests for each in entries.values() if each.sha256)


def _row(verdict: LineVerdict, heard: frozenset[str]) -> dict[str, object]:
    return {
        "line": verdict.line,
        "verdict": verdict.verdict.value if verdict.verdict else "",
        "take": verdict.take,
        "note": verdict.note,
        "by": verdict.by,
        "at": verdict.at.isoformat() if verdict.at else "",
        "made again": verdict.sha256 is not None and verdict.sha256 not in heard,
    }
