"""What a batch that hears nothing says of it."""

from __future__ import annotations

import pytest

from worker.batch.backlog import Backlog
from worker.cli.views.silence import describe_silence


@pytest.mark.parametrize(
    ("backlog", "said"),
    [
        (None, "is a worker running?"),
        (
            Backlog("g", 0, 0, 12),
            "no worker is in the group g; start one, or set KAFKA_GROUP_ID to",
        ),
        (Backlog("g", 2, 1204, 12), "2 workers in the group g, 1,204 jobs before yours, 12 jobs of yours"),
        (
            Backlog("g", 1, 0, 0, {"10m": 3, "1m": 1}),
            "1 worker in the group g, 4 jobs waiting for a retry (3 aft",
        ),
        (Backlog("g", None, 1, 0), "1 job before yours"),
        (Backlog("g", None, 0, 0), "all jobs are done, so their completions are late"),
    ],
)
def test_a_silence_is_described_by_what_is_known(backlog: Backlog | None, said: str) -> None:
    assert describe_silence(73.4, backlog).startswith(f"no completion for 73 s: {said}")
