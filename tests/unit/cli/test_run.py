"""How many processes an option asks for."""

from __future__ import annotations

import pytest

from schemas.errors import UsageError
from worker.cli.run import parse_processes
from worker.lifecycle.cpus import usable_cpus


@pytest.mark.parametrize(("written", "count"), [("1", 1), ("2", 2), ("256", 256), ("auto", usable_cpus())])
def test_a_number_or_one_for_each_cpu(written: str, count: int) -> None:
    assert parse_processes(written) == count


@pytest.mark.parametrize("written", ["0", "-1", "257", "two", "1.5", "", " 2", "2\n", "²", "AUTO", "00002"])
def test_anything_else_is_refused(written: str) -> None:
    with pytest.raises(UsageError, match=r"--processes=.*: allowed is a whole number from 1 to 256, or auto"):
        parse_processes(written)
