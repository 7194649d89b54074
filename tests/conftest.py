"""How tests share the machine when they run side by side (pytest-xdist).

Each test process has its own session fixtures: its own local stack, and its own Apache Kafka.
"""

from pathlib import Path

import pytest

HERE = Path(__file__).parent
# Folders with long tests come first, so that no test process starts a long test when the others have finished.
LONGEST_FIRST = ("faults", "kafka", "stack", "unit")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        # Three brokers take a gigabyte: one test process starts them, and runs all tests that need them.
        if "three_for_all" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.xdist_group("three-brokers"))
    items.sort(key=folder_rank)


def folder_rank(item: pytest.Item) -> int:
    folder = item.path.relative_to(HERE).parts[0]
    return LONGEST_FIRST.index(folder) if folder in LONGEST_FIRST else len(LONGEST_FIRST)
