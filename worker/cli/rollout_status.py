"""The commands that read the rollout: `rollout status`, `rollout history` and `rollout explain`."""

import asyncio
import sys
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Annotated, Final

import typer
from aiokafka.errors import KafkaError

from schemas.rollout_status import RolloutStatus
from worker.cli import terminal
from worker.cli.decide import JobOptions, explain_decision
from worker.cli.option_groups import grouped_options
from worker.cli.options import AsJson
from worker.cli.rollout_change import read_log, rollout_settings
from worker.cli.views.rollout import history_rows, revision_document, status_document, status_row
from worker.cli.views.status import plan_row, tables
from worker.config.settings import Settings
from worker.lifecycle.clock import Clock
from worker.rollout.controller.status import last_status
from worker.rollout.controller.ways_on import ways_on
from worker.rollout.log.codec import current_state
from worker.rollout.log.reader import RolloutLog
from worker.rollout.plan.active import active_plan
from worker.rollout.plan.document import InvalidFileError
from worker.rollout.state import RolloutState
from worker.speech.catalogue_file import load_catalogue

_LAST_CHANGES: Final = 5
_REFRESH_S: Final = 1.0

ShowStatus = Callable[[RolloutLog, RolloutStatus | None], None]
"""Shows the rollout with the controller's last round; None where no controller has reported one."""


def status(
    watch: Annotated[bool, typer.Option("--watch", help="Refresh it every second; Ctrl-C ends.")] = False,
    whole: Annotated[bool, typer.Option("--all", help="A row for each verdict, also where all is well.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show who is exposed to Chirp, what the plan waits for, and the verdicts of its gates."""
    settings = rollout_settings()
    catalogue = load_catalogue(settings.worker.characters_file).names
    show = partial(_show_status, catalogue, whole=whole, as_json=as_json)
    asyncio.run(_watch(settings, show) if watch else _show_once(settings, show))


def _show_status(
    catalogue: frozenset[str], log: RolloutLog, judged: RolloutStatus | None, *, whole: bool, as_json: bool
) -> None:
    now = Clock().now()
    state = current_state(log.revisions)
    plan_runs = state.run is not None
    ways = _ways_on(state, catalogue, now)
    if as_json:
        document = status_document(log.revisions, catalogue, now, _LAST_CHANGES)
        judged_document = judged.model_dump(mode="json") if judged and plan_runs else None
        terminal.show_one({**document, "ways_on": list(ways), "judged": judged_document}, as_json=True)
        return
    row = status_row(log.revisions, catalogue, now)
    if plan_runs:
        row |= plan_row(judged, now)
    if ways:
        row["ways on"] = "\n".join(ways)
    terminal.show_one(row, as_json=False)
    if judged is not None and plan_runs:
        for title, rows in tables(judged, whole=whole):
            terminal.say(f"\n{title}")
            terminal.show(rows, as_json=False)
    if log.revisions.accepted:
        terminal.say("\nThe last changes")
        terminal.show(history_rows(log.revisions.accepted[-_LAST_CHANGES:]), as_json=False)


def _ways_on(state: RolloutState, catalogue: frozenset[str], now: datetime) -> tuple[str, ...]:
    if state.run is None:
        return ()
    try:
        plan = active_plan(state.run, catalogue)
    except InvalidFileError:
        # A plan of a newer version: its controller knows the ways.
        return ()
    return ways_on(state, plan, now)


async def _show_once(settings: Settings, show: ShowStatus) -> None:
    async with read_log(settings) as log:
        show(log, await last_status(settings.kafka))


async def _watch(settings: Settings, show: ShowStatus) -> None:
    live = sys.stdout.isatty()
    while True:
        try:
            async with read_log(settings) as log:
                while True:
                    judged = await last_status(settings.kafka)
                    if live:
                        terminal.clear()
                    show(log, judged)
                    await log.poll(0)
                    await asyncio.sleep(_REFRESH_S)
        except KafkaError as error:
            terminal.note(f"Kafka: {type(error).__name__}: {error}; trying again, the status above may be old")
            await asyncio.sleep(_REFRESH_S)


def history(
    limit: Annotated[int, typer.Option(min=1, help="At most so many revisions, the last ones.")] = 20,
    as_json: AsJson = False,
) -> None:
    """Show who changed the rollout, when, why, and from what to what; the oldest first."""
    settings = rollout_settings()

    async def show() -> None:
        async with read_log(settings) as log:
            revisions = log.revisions
        last = revisions.accepted[-limit:]
        rows = [revision_document(each) for each in last] if as_json else history_rows(last)
        terminal.show(rows, as_json=as_json, nothing="No revision yet.")
        if len(last) < len(revisions.accepted):
            terminal.note(f"{len(last):,} of {len(revisions.accepted):,} shown; --limit shows more")
        if revisions.superseded or revisions.unreadable:
            superseded, unreadable = len(revisions.superseded), revisions.unreadable
            terminal.note(f"skipped: {superseded} that lost a race, {unreadable} that are no revisions")

    asyncio.run(show())


@grouped_options
def explain(job: JobOptions, as_json: AsJson = False) -> None:
    """Explain which voice model a job gets by the rollout's topic, for a worker without a hand brake."""
    settings = rollout_settings()

    async def read() -> RolloutState:
        async with read_log(settings) as log:
            return current_state(log.revisions)

    explanation = explain_decision(settings, asyncio.run(read()), job, Clock().now())
    terminal.show_one(explanation.as_row(), as_json=as_json)
