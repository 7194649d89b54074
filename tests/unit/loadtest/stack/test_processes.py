"""How the stack's processes are started: waited for while they run, on ports that no other process has."""

import subprocess
import sys
from pathlib import Path

import pytest

from loadtest.stack.processes import Process, StackError, free_ports

RESERVE = "from loadtest.stack.processes import free_ports; print(*free_ports(200), flush=True); input()"


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


def test_a_killed_process_ends_its_wait_at_once(tmp_path: Path) -> None:
    process = python(tmp_path, "import time; time.sleep(600)")
    process.kill()
    with pytest.raises(StackError, match="ended with -9"):
        process.wait_until(lambda: False, timeout_s=600)


def test_no_two_processes_get_the_same_port() -> None:
    others = [
        subprocess.Popen([sys.executable, "-c", RESERVE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    try:
        lists = [[int(port) for port in other.stdout.readline().split()] for other in others]
        lists.append(free_ports(200))
    finally:
        for other in others:
            other.communicate("\n")
    assert [len(ports) for ports in lists] == [200] * 4
    assert len({port for ports in lists for port in ports}) == 800
