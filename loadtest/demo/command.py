"""The command: starts the stack and a worker, has the script spoken, shows and checks what came of it."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Final

import aiohttp
import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from loadtest.demo.audio import FOLDER, clear, fetch_takes
from loadtest.demo.environment import demo_settings, demo_stack, exports
from loadtest.demo.interrupt import Stopping
from loadtest.demo.neural_cast import Voices, read_cast, show_cast, show_figures
from loadtest.demo.outcome import problems_of
from loadtest.demo.report import console_of_stdout, show_lines, show_queries, show_totals
from loadtest.demo.run import DemoFailedError, speak
from loadtest.demo.script import STUDIO_SCRIPT, Line, faults_of, read_script, studio_script
from loadtest.demo.serving import Served, serve_process
from loadtest.stack.counters import scrape
from loadtest.stack.java import NoJavaError
from loadtest.stack.local_stack import Stack, Transport, worker_process
from loadtest.stack.processes import Process, StackError
from loadtest.stack.topics import make_topics
from schemas.completion import Completion
from worker.config.settings import load_settings

app = typer.Typer(add_completion=False)

# About Google's, a little quicker: the emulator's voice itself takes some 0.2 s a line.
_EMULATOR: Final = {
    "latency": {"kind": "lognormal", "base_s": 0.15, "per_character_s": 0.001, "sigma": 0.3},
}
_WATCH_S: Final = 1.0


@app.command()
def demo(
    context: typer.Context,
    *,
    keep: Annotated[bool, typer.Option("--keep", help="Keep everything running until Ctrl-C.")] = False,
    transport: Annotated[
        Transport | None,
        typer.Option(help="Use Apache Kafka with TLS and this login, by Java; needs the developers' packages."),
    ] = None,
    voices: Annotated[
        Voices, typer.Option(help="Who speaks in Google's place; neural needs requirements/neural.txt.")
    ] = "espeak",
) -> None:
    """Speak a script of game lines on a local stack, and leave the audio in demo-audio."""
    stopping: Stopping = context.obj
    console = console_of_stdout()
    try:
        _run(stopping, console, transport, voices, keep=keep)
    except (DemoFailedError, NoJavaError, StackError, OSError) as error:
        console.print(f"[bold red]The demo failed:[/] {escape(str(error))}", soft_wrap=True)
        raise typer.Exit(1) from None


def _run(stopping: Stopping, console: Console, transport: Transport | None, voices: Voices, *, keep: bool) -> None:
    lines = read_script()
    if voices == "neural":
        show_cast(console, read_cast())
    clear(lines)
    STUDIO_SCRIPT.write_text(studio_script(lines), encoding="utf-8")
    began = time.monotonic()
    kafka = f"Apache Kafka with TLS and {transport}" if transport else "Kafka"
    console.print(f"Starting a local stack: {kafka}, S3, an emulator of Google's Text-to-Speech, one worker ...")
    with demo_stack(transport, {**_EMULATOR, "speech": voices}) as stack:
        try:
            stopping.run(_prepare(stack, lines))
            environment = demo_settings(stack, keep=keep, neural=voices == "neural")
            with worker_process(environment, stack.folder) as (worker, address):
                try:
                    console.print(f"... ready after {time.monotonic() - began:.1f} s. Chirp is at 50 %.")
                    problems = stopping.run(
                        _speak_and_show(console, stack, lines, worker, address, voices=voices, keep=keep)
                    )
                    console.print(f"\nAll of it took {time.monotonic() - began:.0f} s.")
                    if keep:
                        with serve_process(environment, stack.folder) as served:
                            _show_addresses(console, stack, address, served)
                            stopping.run(_wait_for_the_end(worker))
                finally:
                    stopping.hold()
        finally:
            stopping.hold()
    stopping.check()
    if problems:
        raise DemoFailedError("\n".join(problems))


async def _prepare(stack: Stack, lines: Sequence[Line]) -> None:
    """Makes the topics, and sets the script's faults at the emulator's control API."""
    await make_topics(stack.kafka)
    faults = [fault.model_dump(mode="json", exclude_defaults=True) for fault in faults_of(lines)]
    async with aiohttp.ClientSession(raise_for_status=True) as session:
        await session.put(f"{stack.control}/faults", json=faults)


async def _speak_and_show(
    console: Console, stack: Stack, lines: Sequence[Line], worker: Process, address: str, *, voices: Voices, keep: bool
) -> list[str]:
    before = await scrape(address)
    began = time.monotonic()
    completions, others = await _speak(console, stack, lines, worker, neural=voices == "neural")
    took_s = time.monotonic() - began
    run = (await scrape(address)).since(before)
    storage = load_settings(stack.environment).storage
    files, problems = await fetch_takes(storage, [completions[line.job_id] for line in lines])
    show_lines(console, lines, completions)
    show_queries(console, run)
    show_totals(console, completions, run)
    if voices == "neural":
        await show_figures(console, stack, run, took_s)
    _show_files(console, files, keep=keep)
    if others:
        console.print(f"\n{others} completions of other jobs came in between: queries and totals count those jobs too.")
    return [*problems_of(lines, completions, None if others else run), *problems]


async def _speak(
    console: Console, stack: Stack, lines: Sequence[Line], worker: Process, *, neural: bool
) -> tuple[Mapping[str, Completion], int]:
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("[dim]{task.fields[last]}"),
    )
    with Progress(*columns, console=console) as progress:
        bar = progress.add_task("Speaking", total=len(lines), last="")

        def show(line: Line, completion: Completion) -> None:
            progress.update(bar, advance=1, last=f"{line.job_id} {completion.status}")

        spoken = await speak(lines, load_settings(stack.environment).kafka, worker, show, neural=neural)
        progress.update(bar, last="")
    return spoken


def _show_files(console: Console, files: Sequence[Path], *, keep: bool) -> None:
    console.print(f"\n{len(files)} files in {FOLDER}/, one folder a character. Next:")
    console.print(f"  ffplay -autoexit {files[0]}   (or any player)")
    if not keep:
        console.print("  make demo KEEP=1   keeps it all running and prints the addresses, for chirp-worker and kcat")


def _show_addresses(console: Console, stack: Stack, address: str, served: Served) -> None:
    console.print(f"\nThe console: [bold]{served.address}/[/]   log in with the token {served.token}", soft_wrap=True)
    console.print("\n[bold]Everything keeps running until Ctrl-C.[/] Paste this into another shell:\n")
    for line in exports(stack, address, served):
        console.print(line, markup=False, soft_wrap=True)
    console.print("\nThen, for example:\n")
    console.print("  .venv/bin/chirp-worker doctor")
    console.print(
        '  .venv/bin/chirp-worker enqueue "Dinner is served." --character codsworth --save dinner.ogg', soft_wrap=True
    )
    console.print(f"  .venv/bin/chirp-worker batch {STUDIO_SCRIPT} --rollout-key line --download studio-audio")
    console.print("  curl -s $WORKER_METRICS/prometheus | grep tts_synthesis_total", markup=False)
    console.print("  curl -s $EMULATOR_DOOR/faults", markup=False)
    console.print(f"\nThe logs are in {stack.folder}.")


async def _wait_for_the_end(worker: Process) -> None:
    """Waits for a signal.

    Raises:
        DemoFailedError: the worker ended first.
    """
    # Nothing tells of a process's end but asking.
    while worker.running:  # noqa: ASYNC110
        await asyncio.sleep(_WATCH_S)
    raise DemoFailedError(f"the worker ended; the end of its log:\n{worker.log_end()}")
