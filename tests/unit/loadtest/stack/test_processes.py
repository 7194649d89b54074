"""How the stack's processes are started: waited for while they run."""

import sys
from pathlib import Path

import pytest

from loadtest.stack.processes import Process, StackError


def python(folder: Path, code: str) -> Process:
    return Process("a program", [sys.executable, "-c", code], folder / "program.log")


def test_a_process_that_is_slow_to_become_ready_is_waited_for_while_it_runs(tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    process = python(tmp_path, f"import pathlib, time; time.sleep(0.5); pathlib.Path({str(ready)!r}).touch(); input()")
    try:
        process.wait_until(ready.exists)
    finally:
        process.kill()


def test_a_process_that_ends_before_it_is_ready_is_an_error_with_the_end_of_its_log(tmp_path: Path) -> None:
    process = python(tmp_path, "raise SystemExit('no such port')")
    with pytest.raises(StackError, match=r"a program ended with 1:\nno such port"):
        process.wait_until(lambda: False)
    process.stop()


def test_a_process_that_runs_and_never_gets_ready_is_an_error_with_the_end_of_its_log(tmp_path: Path) -> None:
    process = python(tmp_path, "import time; print('waiting for the disk', flush=True); time.sleep(600)")
    try:
        process.wait_until(lambda: "waiting" in process.log_end())
        with pytest.raises(StackError, match=r"a program runs but is not ready after 0.1 s:\nwaiting for the disk"):
            process.wait_until(lambda: False, timeout_s=0.1)
    finally:
        process.kill()


@pytest.mark.parametrize(("seconds", "limit"), [("0.1", "0.1"), ("0.25", "0.25")])
def test_a_test_limits_the_wait_by_a_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seconds: str, limit: str
) -> None:
    monkeypatch.setenv("STACK_READY_S", seconds)
    process = python(tmp_path, "import time; time.sleep(600)")
    try:
        with pytest.raises(StackError, match=f"a program runs but is not ready after {limit} s"):
            process.wait_until(lambda: False)
    finally:
        process.kill()


def test_without_a_limit_a_process_is_waited_for_as_long_as_it_lives_and_the_wait_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("STACK_READY_S")
    # Each look at the clock is five minutes later than the one before.
    times = iter(range(0, 1_000_000, 300))
    monkeypatch.setattr("loadtest.stack.processes.time.monotonic", lambda: float(next(times)))
    process = python(tmp_path, "import time; time.sleep(600)")
    looks = iter([False] * 5 + [True])
    try:
        process.wait_until(lambda: next(looks))
    finally:
        monkeypatch.undo()
        process.kill()
    assert f"a program runs and isn't ready after 300 s; its log is {process.log}" in capsys.readouterr().err


def test_a_killed_process_ends_its_wait_at_once(tmp_path: Path) -> None:
    process = python(tmp_path, "import time; time.sleep(600)")
    process.kill()
    with pytest.raises(StackError, match="ended with -9"):
        process.wait_until(lambda: False, timeout_s=600)
