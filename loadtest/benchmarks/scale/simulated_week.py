"""A healthy week of the production plan, simulated."""

import time
from datetime import timedelta

from worker.rollout.plan.file import read_plan_file
from worker.rollout.plan.parser import parse_plan
from worker.rollout.simulation.parallel import Simulation
from worker.rollout.simulation.trace_file import parse_trace, read_trace_file


def measure_week(characters: frozenset[str], seed: int) -> float:
    """Simulate a week of the trace `healthy` by the plan's short window, and return its seconds of CPU.

    Args:
        characters: the keys of all characters.
        seed: of the traffic.
    """
    plan = parse_plan(read_plan_file("production")[1], "production", characters).plan
    trace = parse_trace(read_trace_file("healthy")[1], "healthy", characters)
    week = trace.model_copy(update={"lasts": timedelta(weeks=1)})
    started = time.process_time()
    Simulation(plan, week, characters, plan.windows.short).run(seed)
    return time.process_time() - started
