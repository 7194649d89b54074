"""The latest lines: bounded in number and bytes, the ones that changed last stay, the last completion counts."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from schemas.enums import Lane
from worker.console.lines.recent_lines import RecentLines

IDS = st.sampled_from([f"job-{number}" for number in range(8)])
CHANGES = st.lists(st.tuples(IDS, st.sampled_from(["job", "completion"]), st.binary(max_size=40)), max_size=60)


def test_a_job_and_its_completion_are_one_line_in_whatever_order_they_are_read() -> None:
    for order in ((0, 1), (1, 0)):
        lines = RecentLines(10, 1000)
        notes = (
            lambda lines=lines: lines.note_job("a", Lane.BATCH, b"job", 1),
            lambda lines=lines: lines.note_completion("a", b"done", 2),
        )
        for number in order:
            notes[number]()
        line = lines.find("a")
        assert line is not None
        assert (line.lane, line.job, line.completion) == (Lane.BATCH, b"job", b"done")
        assert (line.queued_ms, line.ended_ms) == (1, 2)


def test_the_last_completion_counts_as_after_a_replay() -> None:
    lines = RecentLines(10, 1000)
    lines.note_completion("a", b"failed", 1)
    lines.note_completion("a", b"done", 2)
    line = lines.find("a")
    assert line is not None
    assert line.completion == b"done"


def test_the_line_that_changed_longest_ago_is_forgotten_first() -> None:
    lines = RecentLines(2, 1000)
    lines.note_job("a", Lane.DIALOGUE, b"1", 1)
    lines.note_job("b", Lane.DIALOGUE, b"2", 2)
    lines.note_completion("a", b"3", 3)
    lines.note_job("c", Lane.DIALOGUE, b"4", 4)
    assert [lines.find(each) is not None for each in "abc"] == [True, False, True]


@given(CHANGES, st.integers(1, 8), st.integers(1, 200))
def test_there_are_never_more_lines_nor_bytes_than_allowed_and_the_last_one_is_kept(
    changes: list[tuple[str, str, bytes]], most: int, most_bytes: int
) -> None:
    lines = RecentLines(most, most_bytes)
    for job_id, kind, record in changes:
        if kind == "job":
            lines.note_job(job_id, Lane.DIALOGUE, record, 0)
        else:
            lines.note_completion(job_id, record, 0)
        known = [line for number in range(8) if (line := lines.find(f"job-{number}")) is not None]
        assert lines.find(job_id) is not None
        assert len(lines) == len(known) <= most
        assert len(known) == 1 or sum(line.size for line in known) <= most_bytes
