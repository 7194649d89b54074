"""The table of what HTTP adds: both ways' percentiles, and their differences."""

from __future__ import annotations

import io

from rich.console import Console

from loadtest.benchmarks.http_api.figures import added_table


def test_each_percentile_has_both_ways_and_what_http_adds() -> None:
    table = added_table("idle", [0.010, 0.011, 0.012, 0.050], [0.013, 0.012, 0.016, 0.040])
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(table)
    rows = [line.replace("│", " ").split() for line in console.export_text().splitlines() if "│" in line]
    assert rows == [
        ["Kafka", "alone", "11.0", "50.0", "50.0", "50.0"],
        ["HTTP", "13.0", "40.0", "40.0", "40.0"],
        ["added", "+2.0", "-10.0", "-10.0", "-10.0"],
    ]
