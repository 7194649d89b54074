"""How tests share the machine when they run side by side (pytest-xdist).

Each test process has its own session fixtures: its own local stack, and its own Apache Kafka.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from _pytest.nodeid import NodeId

from loadtest.stack.processes import READY_TIMEOUT_S, READY_TIMEOUT_VARIABLE

# A demo waits for a slow machine as long as its processes live; a test must end before pytest ends it.
os.environ.setdefault(READY_TIMEOUT_VARIABLE, str(READY_TIMEOUT_S))
HERE = Path(__file__).parent
# A broker takes some 300 MB, and seconds to start: one test process starts those of a fixture, and runs all its tests.
GROUPS = {
    "three_for_all": "three-brokers",
    "secure": "secure-kafka",
    "guarded_cluster": "guarded-kafka",
    "store_by_tls": "store-by-tls",
    "image": "image",
}
# Folders with long tests come first, so that no test process starts a long test when the others have finished.
LONGEST_FIRST = ("image", "faults", "kafka", "stack", "unit")
# Where brokers are killed and clients given up, a socket may be left to the garbage collector, which reports it in
# whatever test runs by then: pytest lists it there, and fails no test for another's. Unit tests fail for theirs.
BREAKING = ("faults", "kafka", "stack")
COLLECTED_LATER = pytest.mark.filterwarnings("default::pytest.PytestUnraisableExceptionWarning")


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Iterator[None]:
    for item in items:
        for fixture in GROUPS.keys() & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.xdist_group(GROUPS[fixture]))
        if folder(item) in BREAKING:
            item.add_marker(COLLECTED_LATER)
    items.sort(key=folder_rank)
    yield
    for item in items:
        # pytest-xdist 3.8 writes the group to `_nodeid`, which pytest 9.2 doesn't read: no test would be grouped.
        if (grouped := vars(item).get("_nodeid")) is not None:
            item._id = NodeId.parse(grouped)


def folder_rank(item: pytest.Item) -> int:
    return LONGEST_FIRST.index(folder(item)) if folder(item) in LONGEST_FIRST else len(LONGEST_FIRST)


def folder(item: pytest.Item) -> str:
    return item.path.relative_to(HERE).parts[0]
