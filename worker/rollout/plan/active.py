"""The active plan of a rollout: parsed from the revision that holds its text. Pure."""

from datetime import timedelta
from functools import lru_cache

from schemas.revision import PlanRun
from worker.rollout.plan.document import InvalidFileError
from worker.rollout.plan.model import Plan
from worker.rollout.plan.parser import parse_plan
from worker.rollout.plan.rehearsal import rehearse


def active_plan(run: PlanRun, catalogue: frozenset[str]) -> Plan:
    """Return the plan of a run, its days shortened if the run is a rehearsal.

    Raises:
        InvalidFileError: this version of chirp-worker can't use it.
    """
    plan = _parsed(run.text, run.plan, run.day_s, catalogue)
    if run.stage not in (stages := [stage.name for stage in plan.stages]):
        names = ", ".join(stages)
        raise InvalidFileError(f"{run.plan}: its revision names stage {run.stage!a}; the plan has {names}")
    return plan


@lru_cache(maxsize=8)
def _parsed(text: str, name: str, day_s: float, catalogue: frozenset[str]) -> Plan:
    return rehearse(parse_plan(text, name, catalogue).plan, timedelta(seconds=day_s))
