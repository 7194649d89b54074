"""Change freezes: whether promotions are frozen now, by the plan's cron windows. Pure."""

from collections.abc import Iterable
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from cronsim import CronSim

from worker.rollout.plan.settings import Freeze
from worker.rollout.plan.units import format_duration


def active_freeze(freezes: Iterable[Freeze], now: datetime) -> str | None:
    """Describe the freeze that is active now: its reason, since when and until when. None without one.

    Args:
        freezes: the plan's.
        now: with an offset.
    """
    for freeze in freezes:
        local = now.astimezone(ZoneInfo(freeze.time_zone))
        began = next(CronSim(freeze.cron, local, reverse=True), None)
        if began is None:
            continue
        # A backward search excludes the moment that it starts from: look one occurrence ahead.
        following = next(CronSim(freeze.cron, began), None)
        began = following if following is not None and following <= local else began
        # Elapsed hours, computed in UTC: local clocks change between summer and winter time.
        until = (began.astimezone(UTC) + freeze.lasts).astimezone(local.tzinfo)
        if local < until:
            return (
                f"frozen for {freeze.why}: since {began:%a %H:%M} for {format_duration(freeze.lasts)}, "
                f"until {until:%Y-%m-%d %H:%M} {freeze.time_zone}"
            )
    return None
