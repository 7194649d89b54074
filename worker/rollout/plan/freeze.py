"""Freeze windows: whether nothing is promoted now. Pure."""

from collections.abc import Iterable
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from cronsim import CronSim

from worker.rollout.plan.model import Freeze, spelled


def frozen(windows: Iterable[Freeze], now: datetime) -> str | None:
    """Why nothing is promoted now, and until when; None if it may be.

    Args:
        windows: of the plan.
        now: with an offset.
    """
    for window in windows:
        local = now.astimezone(ZoneInfo(window.time_zone))
        began = next(CronSim(window.cron, local, reverse=True), None)
        if began is None:
            continue
        # Backwards from a moment the moment itself isn't found.
        at_once = next(CronSim(window.cron, began), None)
        began = at_once if at_once is not None and at_once <= local else began
        # Hours that pass, not hours by the clock on the wall, which is put on and back.
        until = (began.astimezone(UTC) + window.lasts).astimezone(local.tzinfo)
        if local < until:
            return (
                f"frozen for {window.why}: since {began:%a %H:%M} for {spelled(window.lasts)}, "
                f"until {until:%Y-%m-%d %H:%M} {window.time_zone}"
            )
    return None
