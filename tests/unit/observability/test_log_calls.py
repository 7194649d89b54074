"""What every log call of the worker keeps to: a fixed event name, and nothing of a job but its id."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import worker

ROOT = Path(worker.__file__).parent
LEVELS = {"debug", "info", "warning", "error", "exception", "critical"}
# Fields of a job that hold what players read or who they are.
PRIVATE = {"ssml", "phonetic", "phrase", "pronunciations", "user_id", "rollout_key", "labels"}
# What may be logged of a job, and of a Kafka record.
ALLOWED = {"job": {"job_id", "take"}, "record": {"topic", "partition", "offset", "lane"}}


def log_calls(tree: ast.AST) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in LEVELS
            and isinstance(node.func.value, ast.Name)
            and node.func.value.id in {"_log", "log", "logger"}
        ):
            yield node


def private_parts(call: ast.Call) -> list[str]:
    """The expressions of a log call that hold what mustn't be logged."""
    found = []
    for argument in [*call.args, *(keyword.value for keyword in call.keywords)]:
        # The base of an attribute is judged with it: `job.job_id` is fine, `job` alone isn't.
        bases = {id(node.value) for node in ast.walk(argument) if isinstance(node, ast.Attribute)}
        tests = {id(part) for node in ast.walk(argument) if isinstance(node, ast.IfExp) for part in ast.walk(node.test)}
        for node in ast.walk(argument):
            if isinstance(node, ast.Name) and id(node) not in bases | tests and node.id in {*ALLOWED, *PRIVATE}:
                found.append(node.id)
            if isinstance(node, ast.Attribute):
                base = ast.unparse(node.value).rpartition(".")[2]
                if node.attr in PRIVATE or node.attr not in ALLOWED.get(base, {node.attr}):
                    found.append(ast.unparse(node))
    return found


MODULES = sorted(ROOT.rglob("*.py"))


def test_events_have_fixed_names_in_snake_case() -> None:
    events = [(path, call) for path in MODULES for call in log_calls(ast.parse(path.read_text(encoding="utf-8")))]
    assert len(events) > 30
    for path, call in events:
        event = call.args[0]
        names = [event.body, event.orelse] if isinstance(event, ast.IfExp) else [event]
        for name in names:
            assert isinstance(name, ast.Constant), f"{path}:{call.lineno}"
            assert re.fullmatch(r"[a-z0-9_]+", str(name.value)), f"{path}:{call.lineno}"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_text_of_a_line_and_no_user_is_logged(path: Path) -> None:
    for call in log_calls(ast.parse(path.read_text(encoding="utf-8"))):
        assert private_parts(call) == [], f"{path}:{call.lineno}"


@pytest.mark.parametrize(
    "call",
    [
        '_log.info("x", text=job.text)',
        '_log.info("x", key=self.job.rollout_key)',
        '_log.info("x", value=record.value)',
        '_log.info("x", job=job)',
        '_log.info("x", words=rendered.ssml)',
        '_log.info("x", detail=f"{job.text[:9]}")',
    ],
)
def test_a_log_call_with_a_line_or_a_user_is_found(call: str) -> None:
    (found,) = log_calls(ast.parse(call))
    assert private_parts(found)


def test_a_log_call_with_a_jobs_id_and_its_place_is_fine() -> None:
    call = '_log.info("x", job_id=job.job_id if job else None, offset=record.offset, lane=record.lane.value)'
    (found,) = log_calls(ast.parse(call))
    assert private_parts(found) == []
