"""The plan of a run, read from the revision that holds it. Pure."""

from datetime import timedelta
from functools import lru_cache

from schemas.revision import PlanRun
from worker.rollout.plan.file import read_plan
from worker.rollout.plan.model import Plan


def plan_of(run: PlanRun, catalogue: frozenset[str]) -> Plan:
    """The plan that runs, as rehearsed.

    Raises:
        InvalidFileError: this version can't use it.
    """
    return _plan(run.text, run.plan, run.day_s, catalogue)


@lru_cache(maxsize=8)
def _plan(text: str, name: str, day_s: float, catalogue: frozenset[str]) -> Plan:
    return read_plan(text, name, catalogue).plan.rehearsed(timedelta(seconds=day_s))
