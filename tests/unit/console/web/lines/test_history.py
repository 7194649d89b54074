"""A line's way is folded from whatever stands in the topics."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime

from schemas.cancellation import new_cancellation
from schemas.completion import Completion
from schemas.enums import JobStatus, Lane
from worker.console.web.lines.history import LineHistory, latest_first


@dataclass
class Raw:
    topic: str
    value: bytes | None
    timestamp: int = 1_800_000_000_000
    headers: list[tuple[str, bytes]] = field(default_factory=list)
    partition: int = 0
    offset: int = 0
    key: bytes | None = None


def job(job_id: str = "line-1", **more: object) -> bytes:
    return json.dumps({"job_id": job_id, "text": "Hello.", **more}).encode()


def completion(job_id: str = "line-1", status: JobStatus = JobStatus.FAILED) -> bytes:
    return Completion(job_id=job_id, status=status, lane=Lane.DIALOGUE).model_dump_json().encode()


def history(*records: Raw, job_id: str = "line-1") -> LineHistory:
    found = LineHistory(job_id, "staging")
    for record in records:
        found.add(record)
    return found


def test_a_way_has_each_kind_of_step_in_the_order_of_time() -> None:
    steps = history(
        Raw("staging.completions", completion(), 1_800_000_000_003),
        Raw("staging.dialogue", job(), 1_800_000_000_000),
        Raw("staging.retry.dialogue.10s", job(), 1_800_000_000_001,
            [("retry-error-class", b"timeout"), ("retry-error-code", b"X"), ("retry-error-message", b"slow")]),
        Raw("staging.dead-letters", job(), 1_800_000_000_002, [("dead-letter-class", b"timeout")]),
        Raw("staging.dialogue", job(), 1_800_000_000_004, [("replay-number", b"1"), ("replay-of", b"ab12")]),
    ).steps()  # fmt: skip
    assert [each.kind for each in steps] == ["job", "retry", "letter", "completion", "replay"]
    assert steps[1].error == "timeout X: slow"
    assert steps[2].letter is not None
    assert steps[2].letter.failure_class == "timeout"
    assert steps[4].replay_of == "ab12"


def test_a_cancellation_is_a_step_with_who_sent_it_and_one_that_is_none_is_passed_over() -> None:
    cancellation = new_cancellation("line-1", "c-1", "/clients/quests", datetime(2027, 1, 15, tzinfo=UTC))
    found = history(
        Raw("staging.dialogue", job()),
        Raw("staging.cancellations", cancellation.model_dump_json().encode(), 1_800_000_000_001),
        Raw("staging.cancellations", b'{"job_id": "line-1"}', 1_800_000_000_002),
        Raw("staging.completions", completion(status=JobStatus.CANCELLED), 1_800_000_000_003),
    ).steps()
    assert [each.kind for each in found] == ["job", "cancellation", "completion"]
    assert found[1].cancellation == cancellation


def test_what_waits_is_each_job_that_has_neither_ended_nor_been_cancelled() -> None:
    cancellation = new_cancellation("line-1+take3", "c-1", "/clients/quests", datetime(2027, 1, 15, tzinfo=UTC))
    records = [
        Raw("staging.dialogue", job("line-1"), 1_800_000_000_000),
        Raw("staging.completions", completion("line-1"), 1_800_000_000_001),
        Raw("staging.dialogue", job("line-1+take2"), 1_800_000_000_002),
        Raw("staging.retry.dialogue.10s", job("line-1+take2"), 1_800_000_000_003),
        Raw("staging.dialogue", job("line-1+take3"), 1_800_000_000_004),
        Raw("staging.cancellations", cancellation.model_dump_json().encode(), 1_800_000_000_005),
        Raw("staging.dialogue", job("line-1+take4"), 1_800_000_000_006),
        Raw("staging.dead-letters", job("line-1+take4"), 1_800_000_000_007, [("dead-letter-class", b"timeout")]),
        Raw("staging.dialogue", job("line-1+take5"), 1_800_000_000_008),
    ]
    waiting = history(*records).waiting()
    assert [(each.job_id, each.kind) for each in waiting] == [("line-1+take2", "retry"), ("line-1+take5", "job")]
    replayed = Raw("staging.dialogue", job("line-1+take4"), 1_800_000_000_009, [("replay-number", b"1")])
    assert [each.job_id for each in history(*records, replayed).waiting()][-1] == "line-1+take4"


def test_all_takes_of_a_line_are_its_way_and_other_lines_are_not() -> None:
    records = [Raw("staging.dialogue", job(each)) for each in ("line-1", "line-1+take2", "line-12", "line-1+take", "x")]
    records.append(Raw("staging.dialogue", json.dumps({"job_id": "y", "text": "line-1"}).encode()))
    for asked in ("line-1", "line-1+take2"):
        assert [each.job_id for each in history(*records, job_id=asked).steps()] == ["line-1", "line-1+take2"]


def test_what_is_no_record_of_the_line_is_passed_over() -> None:
    found = history(
        Raw("staging.dialogue", None),
        Raw("staging.dialogue", b"line-1"),
        Raw("staging.dialogue", b'["line-1"]'),
        Raw("staging.dialogue", b'{"job_id": ["line-1"]}'),
        Raw("staging.completions", b'{"job_id": "line-1", "status": "of a later version"}'),
        Raw("staging.dead-letters", None, headers=[("dead-letter-replayed", b"ab12")]),
    )
    assert (list(found.steps()), found.unreadable) == ([], 1)


def test_the_latest_completions_are_newest_first_without_what_is_none() -> None:
    records = [Raw("t", completion(str(n)), 1_800_000_000_000 + n) for n in range(5)]
    latest = latest_first([*records, Raw("t", b"{}"), Raw("t", None)], 3)
    assert [each.job_id for _, each in latest] == ["4", "3", "2"]
