"""Many simulations, side by side over the machine's cores."""

import multiprocessing
import signal
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace
from datetime import timedelta

from worker.rollout.plan.model import Plan
from worker.rollout.simulation.course import Course, simulated
from worker.rollout.simulation.trace import Trace


@dataclass(frozen=True)
class Simulation:
    """What is simulated; see `course.simulated`."""

    plan: Plan
    trace: Trace
    catalogue: frozenset[str]
    step: timedelta

    def run(self, seed: int) -> Course:
        """One of them, without its points: they are for pictures, and there may be a thousand courses."""
        return replace(simulated(self.plan, self.trace, self.catalogue, seed, self.step), points=())


def courses(of: Simulation, seeds: Sequence[int], processes: int) -> Iterator[Course]:
    """The courses of many seeds, each as soon as it is there; whoever stops asking, by Ctrl-C too, ends them all.

    Args:
        of: what is simulated.
        seeds: one a course.
        processes: how many at once.

    Raises:
        BrokenProcessPool: one of the processes was ended from outside.
    """
    # Not forked: the parent has threads of its own.
    context = multiprocessing.get_context("spawn")
    others = set(multiprocessing.active_children())
    executor = ProcessPoolExecutor(processes, mp_context=context, initializer=_leave_signals)
    try:
        waiting = [executor.submit(of.run, seed) for seed in seeds]
        for each in as_completed(waiting):
            yield each.result()
    except BaseException:
        # Not asked any more, or by Ctrl-C: a simulation may take a minute, and nobody waits for it.
        for process in set(multiprocessing.active_children()) - others:
            process.terminate()
        raise
    finally:
        executor.shutdown(wait=True, cancel_futures=True)


def _leave_signals() -> None:
    # Ctrl-C goes to all processes of a terminal: the parent alone says what ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
