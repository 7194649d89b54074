"""Runs many simulations in parallel, over the machine's cores."""

import multiprocessing
import signal
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace
from datetime import timedelta

from worker.lifecycle.rare_collections import rare_collections
from worker.rollout.plan.model import Plan
from worker.rollout.simulation.result import SimulatedRollout
from worker.rollout.simulation.simulator import simulate
from worker.rollout.simulation.trace import Trace


@dataclass(frozen=True)
class Simulation:
    """The arguments of a simulation but for its seed; see `simulator.simulate`."""

    plan: Plan
    trace: Trace
    catalogue: frozenset[str]
    step: timedelta

    def run(self, seed: int) -> SimulatedRollout:
        """Run one of them, and drop its points: only a picture needs them, and there may be a thousand results."""
        return replace(self.run_whole(seed), points=())

    def run_whole(self, seed: int) -> SimulatedRollout:
        """Run one of them, and keep its points."""
        # Sums are kept for the whole simulation, and none refers to itself: the collector finds nothing, and by its
        # default of 700 takes a quarter of the time.
        with rare_collections():
            return simulate(self.plan, self.trace, self.catalogue, seed, self.step)


def simulate_many(simulation: Simulation, seeds: Sequence[int], processes: int) -> Iterator[SimulatedRollout]:
    """Yield the result of each seed as soon as it is available.

    A caller that stops iterating, also by Ctrl-C, ends all that still run.

    Args:
        simulation: what is simulated.
        seeds: one a simulation.
        processes: how many run at once.

    Raises:
        BrokenProcessPool: one of the processes was ended from outside.
    """
    # Spawned, not forked: the parent has threads of its own.
    context = multiprocessing.get_context("spawn")
    others = set(multiprocessing.active_children())
    executor = ProcessPoolExecutor(processes, mp_context=context, initializer=_ignore_interrupts)
    try:
        futures = [executor.submit(simulation.run, seed) for seed in seeds]
        for each in as_completed(futures):
            yield each.result()
    except BaseException:
        # The caller stopped, also by Ctrl-C: a simulation may take a minute, and nobody needs its result any more.
        for process in set(multiprocessing.active_children()) - others:
            process.terminate()
        raise
    finally:
        executor.shutdown(wait=True, cancel_futures=True)


def _ignore_interrupts() -> None:
    # A terminal sends Ctrl-C to all processes: only the parent decides what ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
