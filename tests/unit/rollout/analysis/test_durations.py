from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from worker.rollout.analysis.durations import Durations, duration_bucket

Seconds = st.lists(st.floats(0.001, 600), max_size=20)


def durations(seconds: list[float]) -> Durations:
    found = Durations()
    for each in seconds:
        found.add(each)
    return found


@given(st.lists(Seconds, max_size=100), st.integers(1, 6000))
def test_what_is_merged_counts_as_if_each_had_been_added(parts: list[list[float]], tenths: int) -> None:
    limit = tenths / 10 if tenths <= 100 else float(tenths // 10)
    merged = Durations()
    for part in parts:
        merged.merge(durations(part))
    together = [each for part in parts for each in part]
    assert merged == durations(together) == Durations(parts=[durations(part) for part in parts])
    assert merged.counts == Counter(map(duration_bucket, together))
    assert merged.slower_than(limit) == sum(each > limit for each in together)


def test_a_sum_that_was_read_grows_by_what_is_merged_later() -> None:
    total, part = durations([1.0]), durations([2.0, 3.0])
    total.merge(part)
    assert total.slower_than(1.5) == 2
    total.merge(part)
    assert total.slower_than(1.5) == 4
    assert part.slower_than(1.5) == 2
