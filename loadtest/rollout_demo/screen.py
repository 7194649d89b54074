"""Shows `rollout status` live on a terminal, or in a pipe a line whenever it says something else."""

import asyncio
from collections.abc import Callable
from typing import Final

from aiokafka.errors import KafkaError
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from schemas.rollout_status import RolloutStatus
from worker.cli.terminal import table_of
from worker.cli.views.status import plan_row, tables
from worker.config.sections import KafkaSettings
from worker.lifecycle.clock import Clock
from worker.rollout.controller.status import last_status
from worker.rollout.description import exposure
from worker.rollout.log.codec import current_state
from worker.rollout.log.reader import open_log

_EVERY_S: Final = 1.0


async def show_live(console: Console, kafka: KafkaSettings, catalogue: frozenset[str]) -> None:
    """Shows the rollout until it is cancelled."""
    if console.is_terminal:
        with Live(console=console, refresh_per_second=2, transient=True) as live:
            await _follow(kafka, catalogue, lambda who, judged: live.update(_screen(who, judged)))
        return
    last = ""

    def tell(who: str, judged: RolloutStatus | None) -> None:
        nonlocal last
        said = f"{who}" if judged is None else f"stage {judged.stage} ({judged.phase}): {who}"
        if said != last:
            last = said
            console.print(f"  {said}", markup=False, highlight=False, soft_wrap=True)

    await _follow(kafka, catalogue, tell)


async def _follow(
    kafka: KafkaSettings, catalogue: frozenset[str], show: Callable[[str, RolloutStatus | None], None]
) -> None:
    async with open_log(kafka, Clock()) as log:
        while True:
            await log.poll(0.1)
            try:
                judged = await last_status(kafka)
            except KafkaError:
                judged = None
            show(exposure(current_state(log.revisions), catalogue, Clock().now()), judged)
            await asyncio.sleep(_EVERY_S)


def _screen(who: str, judged: RolloutStatus | None) -> RenderableType:
    parts: list[RenderableType] = [Text(f"\n{who}", style="bold")]
    for name, value in plan_row(judged, Clock().now()).items():
        parts.append(Text(f"{name:<11} {value}"))
    if judged is not None:
        for title, rows in tables(judged):
            table = table_of(rows)
            table.title, table.title_justify = title, "left"
            parts.append(table)
    return Group(*parts)
