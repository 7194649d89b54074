"""`make bench-import`: a studio's sheet through import, lint and price; an edited one spoken and delivered."""

import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from loadtest.benchmarks.script_import.sheet import write_sheet
from loadtest.stack.local_stack import local_stack, worker_environment, worker_process
from loadtest.stack.processes import StackError
from loadtest.stack.topics import make_topics

_GOOGLE: Final = {"speech": "canned", "latency": {"kind": "constant", "seconds": 0.0}}
_PREFIX: Final = "import"
_MIB: Final = 1024


@dataclass(frozen=True)
class Ended:
    """A command that has ended: wall and CPU in seconds, its largest memory in MiB, and its document."""

    wall_s: float
    cpu_s: float
    memory_mib: float
    document: dict[str, Any]


def main(
    lines: Annotated[
        int, typer.Option(min=10, help="Lines of the sheet that is imported, linted and priced.")
    ] = 20_000,
    spoken: Annotated[int, typer.Option(min=10, help="Lines of the sheet that is also spoken and delivered.")] = 1_000,
    edited: Annotated[int, typer.Option(min=1, help="Lines of it that are edited then.")] = 20,
) -> None:
    """Print each command's seconds and memory; ends with 1 if an edit made or delivered more than the edited lines."""
    try:
        with local_stack("noida", _GOOGLE) as stack:
            asyncio.run(make_topics(stack.kafka, _PREFIX))
            own = {"KAFKA_TOPIC_PREFIX": _PREFIX, "KAFKA_GROUP_ID": _PREFIX, "S3_PREFIX": _PREFIX}
            environment = {**stack.environment, **own, "CHIRP3_ENABLED": "true"}
            with tempfile.TemporaryDirectory(prefix="chirp-import-") as name:
                _measure_reading(Path(name), environment, lines)
                with worker_process(environment, stack.folder, "worker"):
                    met = _measure_edit(Path(name), environment, spoken, edited)
    except (StackError, OSError, RuntimeError) as error:
        typer.echo(f"{type(error).__name__}: {error}", err=True)
        raise typer.Exit(1) from None
    if not met:
        raise typer.Exit(1)


def _measure_reading(folder: Path, environment: Mapping[str, str], lines: int) -> None:
    script = folder / "act.xlsx"
    write_sheet(script, lines)
    typer.echo(f"an XLSX of {lines:,} lines, {script.stat().st_size / 2**20:.1f} MiB:")
    ended = {
        "import": _run(environment, "batch", "import", str(script), "--json"),
        "lint": _run(environment, "batch", "lint", str(script), "--json"),
        "price": _run(environment, "batch", str(script), "--dry-run", "--yes", "--json"),
    }
    for name, each in ended.items():
        typer.echo(f"  {name:<7} {each.wall_s:6.1f} s, {each.cpu_s:6.1f} s of CPU, {each.memory_mib:5.0f} MiB")
    wall, cpu = sum(each.wall_s for each in ended.values()), sum(each.cpu_s for each in ended.values())
    memory = max(each.memory_mib for each in ended.values())
    typer.echo(f"  {'all':<7} {wall:6.1f} s, {cpu:6.1f} s of CPU, at most {memory:.0f} MiB")


def _measure_edit(folder: Path, environment: Mapping[str, str], lines: int, edited: int) -> bool:
    """Speak and deliver a sheet, edit it, and do both again; return whether only the edited lines were done again."""
    script, audio, delivery = folder / "spoken.xlsx", folder / "audio", folder / "delivery"
    write_sheet(script, lines)
    _run(environment, "batch", "import", str(script), "--json")
    speak = ("batch", str(script), "--yes", "--json", "--download", str(audio))
    deliver = ("batch", "deliver", str(script), "--from", str(audio), "--out", str(delivery), "--annotate", "--json")
    first, made = _run(environment, *speak), _run(environment, *deliver)
    write_sheet(script, lines, edited)
    again, delivered = _run(environment, *speak), _run(environment, *deliver)
    typer.echo(
        f"{lines:,} lines spoken in {first.wall_s:.1f} s, delivered in {made.wall_s:.1f} s ({made.cpu_s:.1f} s of CPU, "
        f"{made.memory_mib:.0f} MiB); {edited} edited: spoken in {again.wall_s:.1f} s, delivered in "
        f"{delivered.wall_s:.1f} s"
    )
    counts = (again.document["result"]["done"], delivered.document["written"], delivered.document["up to date"])
    typer.echo(f"again: {again.document['lines']}; delivered {counts[1]:,}, up to date {counts[2]:,}")
    return again.document["lines"]["edited"] == edited and counts[1:] == (edited, lines - edited)


def _run(environment: Mapping[str, str], *arguments: str) -> Ended:
    """Run `chirp-worker`.

    Raises:
        RuntimeError: it failed.
    """
    with tempfile.TemporaryFile() as out:
        started = time.perf_counter()
        command = [sys.executable, "-m", "worker", *arguments]
        process = os.posix_spawn(
            sys.executable,
            command,
            worker_environment(environment),
            file_actions=[(os.POSIX_SPAWN_DUP2, out.fileno(), 1)],
        )
        _, status, used = os.wait4(process, 0)
        wall = time.perf_counter() - started
        out.seek(0)
        written = out.read().decode()
    if code := os.waitstatus_to_exitcode(status):
        raise RuntimeError(f"{' '.join(command[1:])} ended with {code}: {written[-2000:]}")
    return Ended(wall, used.ru_utime + used.ru_stime, used.ru_maxrss / _MIB, json.loads(written))


if __name__ == "__main__":
    typer.run(main)
