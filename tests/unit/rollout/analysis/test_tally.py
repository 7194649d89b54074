"""Sums over ranges, kept in blocks, equal the sums over single steps."""

from hypothesis import given
from hypothesis import strategies as st

from worker.rollout.analysis.tally import RangeSums, Tally


@given(
    st.lists(st.dictionaries(st.sampled_from("abc"), st.integers(1, 9)), max_size=40),
    st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), max_size=8),
)
def test_any_range_is_the_sum_of_its_steps(steps, ranges):
    requested = []

    def of_step(number):
        requested.append(number)
        return {group: Tally(attempts=count) for group, count in steps[number].items()} if number < len(steps) else {}

    sums = RangeSums(of_step)
    for first, end in ranges:
        expected = {
            group: sum(step.get(group, 0) for step in steps[first:end])
            for group in "abc"
            if any(group in step for step in steps[first:end])
        }
        assert {group: tally.attempts for group, tally in sums.totals(first, end).items()} == expected
        for group in "abc":
            assert sums.total(first, end, group).attempts == expected.get(group, 0)
    assert len(requested) == len(set(requested))
