"""How large the scenarios are: small in CI, full with FAULTS=full (`make test-faults`)."""

import os
from dataclasses import dataclass


@dataclass(frozen=True)
class Scale:
    jobs: int
    kills: int
    handovers: int
    outage_s: float
    slow_jobs: int
    slow_s: float
    letters: int
    backlog: int
    rounds: int
    errors: float
    counted_s: float
    lines: int
    quota_s: float
    down_s: float
    long_texts: int


SMALL = Scale(
    jobs=600,
    kills=3,
    handovers=4,
    outage_s=5.0,
    slow_jobs=800,
    slow_s=8.0,
    letters=60,
    backlog=10_000,
    rounds=1,
    errors=0.3,
    counted_s=15.0,
    lines=300,
    quota_s=8.0,
    down_s=15.0,
    long_texts=4,
)
FULL = Scale(
    jobs=4000,
    kills=20,
    handovers=20,
    outage_s=30.0,
    slow_jobs=6000,
    slow_s=30.0,
    letters=1000,
    backlog=200_000,
    rounds=3,
    errors=0.12,
    counted_s=300.0,
    lines=20_000,
    quota_s=120.0,
    down_s=60.0,
    long_texts=64,
)
SCALE = FULL if os.environ.get("FAULTS") == "full" else SMALL
