"""The command: starts the stack, a worker, a controller and steady traffic, and plays the scenario on it."""

import asyncio
import time
from collections.abc import Mapping
from typing import Final

import typer
from rich.console import Console
from rich.markup import escape

from loadtest.demo.interrupt import Stopping
from loadtest.demo.report import console_of_stdout
from loadtest.demo.run import DemoFailedError
from loadtest.rollout_demo.operator import Operator
from loadtest.rollout_demo.scenario import DAY, Scenario
from loadtest.rollout_demo.screen import show_live
from loadtest.stack.local_stack import Stack, local_stack, worker_process
from loadtest.stack.processes import StackError
from loadtest.stack.topics import make_topics
from loadtest.stack.traffic import Flow, send_steadily
from schemas.enums import Lane
from schemas.topics import LANES
from worker.config.settings import load_settings
from worker.kafka.client.producer import connect_producer
from worker.speech.catalogue_file import load_catalogue

app = typer.Typer(add_completion=False)

# Ready clips instead of a real voice: this is about many lines, not about one.
_EMULATOR: Final = {
    "speech": "canned",
    "latency": {"kind": "lognormal", "base_s": 0.15, "per_character_s": 0.001, "sigma": 0.3},
    "quota": "off",
}
_JOBS_A_SECOND: Final = 60
_WORKER: Final = {"ROLLOUT_SOURCE": "topic", "TTS_QUICK_RETRY_AFTER_S": "0.05", "TTS_TIMEOUT_BASE_S": "20"}


@app.command()
def rollout_demo(context: typer.Context) -> None:
    """Roll Chirp out by the production plan, with seconds for days and an illness on the way."""
    stopping: Stopping = context.obj
    console = console_of_stdout()
    try:
        _run(stopping, console)
    except (DemoFailedError, StackError, OSError) as error:
        console.print(f"[bold red]The demo failed:[/] {escape(str(error))}", soft_wrap=True)
        raise typer.Exit(1) from None


def _run(stopping: Stopping, console: Console) -> None:
    began = time.monotonic()
    console.print(
        "Starting a local stack: Kafka, S3, an emulator of Google's Text-to-Speech, one worker, one controller"
    )
    with local_stack("tansu", _EMULATOR) as stack:
        try:
            stopping.run(make_topics(stack.kafka))
            environment = {**stack.environment, **_WORKER}
            with (
                worker_process(environment, stack.folder),
                worker_process(environment, stack.folder, "controller", ("rollout", "run")),
            ):
                try:
                    console.print(
                        f"... ready after {time.monotonic() - began:.1f} s. {_JOBS_A_SECOND} jobs a second come; "
                        f"a day of the plan lasts {DAY}."
                    )
                    try:
                        stopping.run(_play(console, stack, environment))
                    except* DemoFailedError as failed:
                        raise DemoFailedError(str(failed.exceptions[0])) from None
                    console.print(f"\nAll of it took {time.monotonic() - began:.0f} s.")
                finally:
                    stopping.hold()
        finally:
            stopping.hold()
    stopping.check()


async def _play(console: Console, stack: Stack, environment: Mapping[str, str]) -> None:
    settings = load_settings(environment)
    catalogue = load_catalogue(settings.worker.characters_file).names
    operator = Operator(console, environment)
    scenario = Scenario(
        settings.kafka, stack.control, operator, lambda said: console.print(f"\n[bold]{escape(said)}[/]"), catalogue
    )
    flow = Flow("demo", _JOBS_A_SECOND, sorted(catalogue))
    async with connect_producer(settings.kafka) as producer, asyncio.TaskGroup() as group:
        beside = [
            group.create_task(send_steadily(producer, LANES[Lane.DIALOGUE], flow), name="traffic"),
            group.create_task(show_live(console, settings.kafka, catalogue), name="screen"),
        ]
        try:
            await scenario.play()
        finally:
            for task in beside:
                task.cancel()
