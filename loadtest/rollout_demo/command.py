"""The command: starts the stack, a worker, a controller and steady traffic, and plays the scenario on it."""

import asyncio
import time
from collections.abc import Coroutine, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import Console
from rich.markup import escape

from loadtest.demo.interrupt import Stopping
from loadtest.demo.report import console_of_stdout
from loadtest.demo.run import DemoFailedError
from loadtest.demo.serving import Served, serve_process
from loadtest.rollout_demo.monitoring_report import MonitoringReport
from loadtest.rollout_demo.operator import Operator
from loadtest.rollout_demo.pace import choose_pace, measure_throughput
from loadtest.rollout_demo.page_watch import Watch, summary, watch_page, watch_rows
from loadtest.rollout_demo.scenario import FELL_ILL, Scenario
from loadtest.rollout_demo.screen import show_live
from loadtest.stack.local_stack import Stack, local_stack, worker_process
from loadtest.stack.processes import StackError
from loadtest.stack.prometheus import Prometheus, prometheus_process
from loadtest.stack.topics import make_topics
from loadtest.stack.traffic import Flow, send_steadily
from schemas.enums import Lane
from schemas.topics import LANES
from worker.cli.terminal import table_of
from worker.config.settings import load_settings
from worker.kafka.client.producer import connect_producer
from worker.rollout.plan.file import read_plan_file
from worker.rollout.plan.parser import parse_plan
from worker.speech.catalogue_file import load_catalogue

app = typer.Typer(add_completion=False)

# Ready clips instead of a real voice: this is about many lines, not about one.
_EMULATOR: Final = {
    "speech": "canned",
    "latency": {"kind": "lognormal", "base_s": 0.15, "per_character_s": 0.001, "sigma": 0.3},
    "quota": "off",
}
_PLAN: Final = "production"
_WORKER: Final = {"ROLLOUT_SOURCE": "topic", "TTS_QUICK_RETRY_AFTER_S": "0.05", "TTS_TIMEOUT_BASE_S": "20"}


@app.command()
def rollout_demo(
    context: typer.Context,
    panels: Annotated[
        Path | None,
        typer.Option(
            "--panels",
            metavar="FOLDER",
            help="Run Prometheus beside it; print its alerts beside the rollout's revisions; draw all panels there.",
        ),
    ] = None,
    *,
    watch: Annotated[
        bool,
        typer.Option("--watch", help="Watch the console's page in Chromium; print what it showed at which second."),
    ] = False,
) -> None:
    """Roll Chirp out by the production plan, with seconds for days and an illness on the way."""
    stopping: Stopping = context.obj
    console = console_of_stdout()
    try:
        report = MonitoringReport(console, panels) if panels else None
        _run(stopping, console, report, Watch() if watch else None)
    except (DemoFailedError, StackError, OSError) as error:
        console.print(f"[bold red]The demo failed:[/] {escape(str(error))}", soft_wrap=True)
        raise typer.Exit(1) from None


def _run(stopping: Stopping, console: Console, report: MonitoringReport | None, watch: Watch | None) -> None:
    began = time.monotonic()
    console.print(
        "Starting a local stack: Kafka, S3, an emulator of Google's Text-to-Speech, one worker, one controller"
    )
    with local_stack("tansu", _EMULATOR) as stack:
        try:
            stopping.run(make_topics(stack.kafka))
            environment = {**stack.environment, **_WORKER}
            with (
                worker_process(environment, stack.folder) as (_, worker),
                worker_process(environment, stack.folder, "controller", ("rollout", "run")) as (_, controller),
                serve_process(environment, stack.folder) as served,
                _prometheus(stack.folder, worker, controller) if report else nullcontext() as prometheus,
            ):
                try:
                    console.print(
                        f"... ready after {time.monotonic() - began:.1f} s. Now it is measured what this machine does."
                    )
                    console.print(
                        f"\nThe console: [bold]{served.address}/[/]   log in with the token {served.token}\n",
                        soft_wrap=True,
                    )
                    try:
                        stopping.run(_play(console, stack, environment, served, watch))
                    except* DemoFailedError as failed:
                        raise DemoFailedError(str(failed.exceptions[0])) from None
                    if watch:
                        _show_watch(console, watch)
                    if report and prometheus:
                        stopping.run(report.show(prometheus, load_settings(environment).kafka))
                    console.print(f"\nAll of it took {time.monotonic() - began:.0f} s.")
                finally:
                    stopping.hold()
        finally:
            stopping.hold()
    stopping.check()


def _prometheus(folder: Path, worker: str, controller: str) -> AbstractContextManager[Prometheus]:
    addresses = {"chirp-worker": worker, "chirp-controller": controller}
    return prometheus_process(folder, {job: [each.removeprefix("http://")] for job, each in addresses.items()})


def _show_watch(console: Console, watch: Watch) -> None:
    console.print("\nWhat the console's page showed, by the second since it was opened:\n")
    console.print(table_of(watch_rows(watch.sightings, watch.events), console.width))
    ill_at = next(second for second, text in watch.events if text == FELL_ILL)
    console.print(f"\n{summary(watch.sightings, ill_at)}", highlight=False)


async def _play(
    console: Console, stack: Stack, environment: Mapping[str, str], served: Served, watch: Watch | None
) -> None:
    settings = load_settings(environment)
    catalogue = load_catalogue(settings.worker.characters_file).names
    operator = Operator(console, environment)
    plan = parse_plan(read_plan_file(_PLAN)[1], _PLAN, catalogue).plan

    def say(text: str) -> None:
        console.print(f"\n[bold]{escape(text)}[/]")

    async with connect_producer(settings.kafka) as producer:
        throughput = await measure_throughput(producer, stack.kafka, sorted(catalogue))
        pace = choose_pace(throughput, plan)
        console.print(
            f"It does {throughput:.0f} jobs a second. {pace.jobs_a_second:.0f} a second come, and a day of the plan "
            f"lasts {pace.day_s} s."
        )
        note = watch.note if watch else _unnoted
        scenario = Scenario(settings.kafka, stack.control, operator, say=say, pace=pace, note=note)
        flow = Flow("demo", pace.jobs_a_second, sorted(catalogue))
        traffic = send_steadily(producer, LANES[Lane.DIALOGUE], flow)
        beside = [traffic, show_live(console, settings.kafka, catalogue)]
        if watch:
            beside.append(watch_page(served, stack.folder, watch))
        await _play_beside(scenario, *beside)


def _unnoted(_text: str) -> None:
    """Nobody watches."""


async def _play_beside(scenario: Scenario, *others: Coroutine[Any, Any, None]) -> None:
    async with asyncio.TaskGroup() as group:
        beside = [group.create_task(each) for each in others]
        try:
            await scenario.play()
        finally:
            for task in beside:
                task.cancel()
