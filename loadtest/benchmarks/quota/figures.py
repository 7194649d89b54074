"""What the emulator's log and the completions say of quota and circuit. Pure."""

import statistics
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

MINUTE_S: Final = 60.0
LEAST_USED: Final = 0.97
MOST_REFUSED: Final = 0.005
MOST_STILL_ASKING: Final = 0.01
MOST_UNTIL_BACK_S: Final = 10.0
_REFUSED: Final = "RESOURCE_EXHAUSTED"


@dataclass(frozen=True)
class Call:
    """A call as the emulator logged it; `at` is when it arrived, in seconds since 1970."""

    at: float
    text: str
    code: str


@dataclass(frozen=True)
class Phase:
    """A part of a run; in seconds since 1970."""

    name: str
    start: float
    end: float


@dataclass(frozen=True)
class QuotaFigures:
    """How much of a quota was used.

    Attributes:
        phases: each phase's name, seconds and share of the quota used.
        used: the share over all of them.
        minutes: the share in each minute, one beginning every 10 s; none of a run that is shorter.
        calls: how many.
        refused: of them, those answered RESOURCE_EXHAUSTED.
        twice: lines that were spoken again.
    """

    phases: Sequence[tuple[str, float, float]]
    used: float
    minutes: Sequence[float]
    calls: int
    refused: int
    twice: int

    @property
    def lines(self) -> list[str]:
        """For people, with what was wanted."""
        share = self.refused / max(1, self.calls)
        return [
            *(f"  {name:<26}{seconds:4.0f} s  {used:.2%} of the quota used" for name, seconds, used in self.phases),
            *self._minutes,
            f"  {self.twice} lines were spoken twice",
            (
                f"  {self.used:.2%} used in all, at least {LEAST_USED:.0%} wanted: {_met(self.used >= LEAST_USED)}; "
                f"{share:.2%} of {self.calls:,} calls refused, under {MOST_REFUSED:.1%} wanted: "
                f"{_met(share < MOST_REFUSED)}"
            ),
        ]

    @property
    def _minutes(self) -> list[str]:
        if not self.minutes:
            return []
        least, median, most = min(self.minutes), statistics.median(self.minutes), max(self.minutes)
        return [f"  single minutes: {least:.2%} to {most:.2%}, median {median:.2%}"]


def quota_figures(calls: Collection[Call], limit: int, phases: Sequence[Phase]) -> QuotaFigures:
    """The figures of a run.

    Args:
        calls: all of them.
        limit: requests a minute.
        phases: what is measured, one right after the other.
    """
    start, end = phases[0].start, phases[-1].end
    within = [call for call in calls if start <= call.at < end]
    spoken = [call for call in within if call.code == "OK"]

    def used(first: float, last: float) -> float:
        return sum(first <= call.at < last for call in spoken) / (limit * (last - first) / MINUTE_S)

    steps = range(max(0, int((end - start - MINUTE_S) // 10) + 1))
    return QuotaFigures(
        phases=[(each.name, each.end - each.start, used(each.start, each.end)) for each in phases],
        used=used(start, end),
        minutes=[used(start + 10 * step, start + 10 * step + MINUTE_S) for step in steps],
        calls=len(within),
        refused=sum(call.code == _REFUSED for call in within),
        twice=len(spoken) - len({call.text for call in spoken}),
    )


@dataclass(frozen=True)
class OutageFigures:
    """What jobs did while Chirp was down.

    Attributes:
        opened_s: seconds from its going down to the first job that went straight to the fallback.
        still: jobs that called it all the same, of `during`, whose Chirp attempt, made or skipped, ended after the
            first window while it was down. What a busy machine does late isn't told by when it was sent.
        until_back_s: seconds from its return to the last job that went straight to the fallback.
        again: jobs that called it, of `after`, those whose Chirp attempt ended later than that.
        jobs: how many were sent.
        done: of them, those whose completion says so.
    """

    opened_s: float
    still: int
    during: int
    until_back_s: float
    again: int
    after: int
    jobs: int
    done: int

    @property
    def lines(self) -> list[str]:
        """For people, with what was wanted."""
        share = self.still / max(1, self.during)
        return [
            f"  its circuit opened after {self.opened_s:.1f} s",
            (
                f"  after the first window {self.still} of {self.during:,} jobs still called it, {share:.2%}, at most "
                f"{MOST_STILL_ASKING:.0%} wanted: {_met(share <= MOST_STILL_ASKING)}"
            ),
            (
                f"  for {self.until_back_s:.1f} s after its return jobs went straight to the fallback, at most "
                f"{MOST_UNTIL_BACK_S:g} s wanted: {_met(self.until_back_s <= MOST_UNTIL_BACK_S)}; "
                f"{self.again:,} of the {self.after:,} jobs that came later called it"
            ),
            f"  {self.done:,} of {self.jobs:,} jobs are done",
        ]


def outage_figures(
    completions: Mapping[str, Mapping[str, Any]], jobs: int, down: Phase, window_s: float
) -> OutageFigures:
    """The figures of a run.

    Args:
        completions: by job id.
        jobs: how many were sent.
        down: when Chirp was down.
        window_s: the circuit's window.
    """
    requested = sorted(filter(None, map(_chirp_attempt, completions.values())))
    skipped = [at for at, called in requested if not called]
    first, last = min(skipped, default=down.end), max(skipped, default=down.end)
    during = [called for at, called in requested if down.start + window_s <= at < down.end]
    after = [called for at, called in requested if at > max(last, down.end)]
    return OutageFigures(
        opened_s=first - down.start,
        still=sum(during),
        during=len(during),
        until_back_s=max(0.0, last - down.end),
        again=sum(after),
        after=len(after),
        jobs=jobs,
        done=sum(one["status"] == "done" for one in completions.values()),
    )


def _chirp_attempt(completion: Mapping[str, Any]) -> tuple[float, bool] | None:
    """When a job's first Chirp attempt ended, in seconds since 1970, and whether it called Chirp."""
    for each in completion["attempts"]:
        if each["voice_model"] == "chirp3-hd":
            return datetime.fromisoformat(each["ended_at"]).timestamp(), bool(each["calls"])
    return None


def _met(met: bool) -> str:
    return "met" if met else "MISSED"
