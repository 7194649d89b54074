"""A broker that fails is tried after 50 ms, then after longer, at last every second; another one isn't held up."""

from __future__ import annotations

import pytest

from worker.kafka.client.connection_problem import Problem
from worker.kafka.client.reconnect_backoff import ReconnectBackoff

PROBLEM = Problem("unreachable", "broker:1 can't be reached", "start it")


class Backoff:
    def __init__(self) -> None:
        self.at = 1000.0
        self.targets = ReconnectBackoff(lambda: self.at, lambda _, longest: longest)

    def wait_after_failure(self, target: str) -> float:
        """Fails, and returns for how long the target isn't tried."""
        self.targets.add_failure(target, PROBLEM)
        waited = 0
        while self.targets.problem(target) is PROBLEM:
            waited += 1
            self.at += 0.01
        return waited / 100


@pytest.fixture
def backoff() -> Backoff:
    return Backoff()


def test_the_wait_doubles_up_to_a_second(backoff: Backoff) -> None:
    waits = [backoff.wait_after_failure("a") for _ in range(7)]
    assert waits == pytest.approx([0.05, 0.1, 0.2, 0.4, 0.8, 1.0, 1.0], abs=0.011)


def test_a_target_that_was_connected_to_begins_anew(backoff: Backoff) -> None:
    for _ in range(5):
        backoff.wait_after_failure("a")
    backoff.targets.add_success("a")
    assert backoff.targets.problem("a") is None
    assert backoff.wait_after_failure("a") < 0.07


def test_a_target_holds_no_other_up(backoff: Backoff) -> None:
    backoff.targets.add_failure("a", PROBLEM)
    assert backoff.targets.problem("b") is None


def test_targets_that_nobody_tries_any_more_are_forgotten(backoff: Backoff) -> None:
    for number in range(100):
        backoff.targets.add_failure(f"old-{number}", PROBLEM)
    backoff.at += 61
    backoff.targets.add_failure("new", PROBLEM)
    assert [*backoff.targets._failures] == ["new"]
