"""Rules of CONTRIBUTING that a machine can check: who reads the environment, the time, and stops clients."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path

import pytest

import worker
from worker.observability.metrics import Metrics

ROOT = Path(worker.__file__).parent
TREES = {path.relative_to(ROOT).as_posix(): ast.parse(path.read_text(encoding="utf-8")) for path in ROOT.rglob("*.py")}


def uses(*names: str) -> Iterator[str]:
    """The modules that use one of these dotted names."""
    for module, tree in TREES.items():
        if any(isinstance(node, ast.Attribute) and ast.unparse(node) in names for node in ast.walk(tree)):
            yield module


def test_only_the_settings_read_the_environment() -> None:
    assert set(uses("os.environ", "os.getenv", "os.environb")) == {"config/settings.py"}
    imported = [node for tree in TREES.values() for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    assert not [
        each for each in imported if each.module == "os" and {a.name for a in each.names} & {"environ", "getenv"}
    ]


def test_only_the_clock_and_the_command_line_read_the_time() -> None:
    readers = set(uses("time.time", "time.monotonic", "time.perf_counter", "datetime.now", "datetime.utcnow"))
    assert {each for each in readers if not each.startswith("cli/")} == {"lifecycle/clock.py"}


@pytest.mark.parametrize("module", sorted(TREES))
def test_kafka_clients_are_stopped_within_a_time_limit(module: str) -> None:
    # aiokafka's own stop may take for ever, or cancel the task that calls it: `stop_client`.
    awaited = [node.value for node in ast.walk(TREES[module]) if isinstance(node, ast.Await)]
    calls = [ast.unparse(call.func) for call in awaited if isinstance(call, ast.Call)]
    clients = ("consumer", "producer", "admin", "_client")
    assert [
        each for each in calls if each.endswith((".stop", ".close")) and each.split(".")[-2].endswith(clients)
    ] == []


def test_committed_offsets_are_never_read_by_aiokafkas_consumer() -> None:
    # It takes the error of a moving coordinator for "nothing was committed": `CommittedOffsets` uses the admin client.
    awaited = [node.value for tree in TREES.values() for node in ast.walk(tree) if isinstance(node, ast.Await)]
    calls = [call.func for call in awaited if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute)]
    assert len(calls) > 100
    assert [ast.unparse(each) for each in calls if each.attr == "committed"] == []


def test_an_attempt_and_its_fallback_are_counted_in_one_step_without_an_await() -> None:
    assert not inspect.iscoroutinefunction(Metrics.count_attempt)
