"""What the console's page showed at which second: rows for what changed, and a sentence about the roll-back."""

from typing import Any

import pytest

from loadtest.demo.run import DemoFailedError
from loadtest.rollout_demo.page_watch import Watch, summary, watch_rows

BACK = {"percent": "off", "phase": "waits for a person", "alert": "turned off: error_rate"}


def look(**more: Any) -> dict[str, Any]:
    given = {"percent": "50 %", "stage": "50", "phase": "running", "alert": "", "rows": [], "arms": ["", ""]}
    return {**given, "revision": 3, **more}


def failing(value: str) -> dict[str, Any]:
    row = {"verdict": "fail", "title": "error rate", "then": "off at once", "window": "5m", "value": value}
    return look(rows=[row], arms=[value, "0.50 %"])


def watched(*looks: dict[str, Any]) -> Watch:
    clock = iter([0.0, *map(float, range(len(looks)))])
    watch = Watch(monotonic=lambda: next(clock))
    for each in looks:
        watch.saw(each)
    return watch


def test_a_row_is_for_what_has_changed_and_not_for_each_number() -> None:
    watch = watched(look(), look(), failing("20.00 %"), failing("30.00 %"), look(**BACK))
    rows = watch_rows(watch.sightings, [(1.5, "Chirp is ill")])
    assert [(row["second"], row["page"], row["fails"], row["alert"]) for row in rows] == [
        ("0.0", "50 % running", "", ""),
        ("1.5", "", "", "· Chirp is ill"),
        ("2.0", "50 % running", "error rate (off at once) 5m 20.00 %", ""),
        ("4.0", "off waits for a person", "", "turned off: error_rate"),
    ]
    assert rows[2]["Chirp / WaveNet failed"] == "20.00 % / 0.50 %"


def test_the_summary_counts_from_the_illness() -> None:
    watch = watched(look(), look(), failing("20.00 %"), look(**BACK))
    said = summary(watch.sightings, 0.5)
    assert "a rule that fails after 1.5 s, and the roll-back to off with its reason after 2.5 s" in said


def test_a_roll_back_that_the_page_never_showed_fails_the_demo() -> None:
    with pytest.raises(DemoFailedError, match="never showed the roll-back"):
        summary(watched(look(**BACK), look(), failing("20.00 %")).sightings, 0.5)
