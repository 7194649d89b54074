"""The takes of a line are those that its jobs make, and each other one is heard beside the one in use."""

from __future__ import annotations

from tests.unit.batches import done, line, plan
from tests.unit.rollouts import NOW
from worker.batch.entry import build_entry
from worker.batch.line_status import next_job
from worker.batch.line_takes import LineTakes
from worker.batch.scripts.model import MOST_TAKES
from worker.speech.catalogue_file import load_catalogue

TAKES = LineTakes(load_catalogue(), "takes", NOW)


def test_the_key_of_each_number_is_that_of_its_job() -> None:
    for number in (1, 2, 7):
        (planned,) = plan(line("l-1", take=number))
        _, sent = next_job(planned, None)
        entry = build_entry(sent, done(sent.job_id, planned.key))
        numbers = TAKES.numbers(planned.line, entry)
        assert numbers[planned.key] == number
        assert sorted(numbers.values()) == list(range(1, MOST_TAKES + 1))


def test_each_other_stored_take_is_heard_beside_the_one_in_use() -> None:
    (planned,) = plan(line("l-1", take=2))
    _, sent = next_job(planned, None)
    entry = build_entry(sent, done(sent.job_id, planned.key))
    numbers = TAKES.numbers(planned.line, entry)
    stored = {key: number for key, number in numbers.items() if number in {1, 2, 4}}
    pairs = list(TAKES.pairs(planned.line, entry, stored, time=NOW, source="/test"))
    assert [(each.first.take, each.second.take) for each in pairs] == [(1, 2), (2, 4)]
    assert not any(each.compares_models for each in pairs)
    assert len({each.pair_id for each in pairs}) == 2
    assert {each.second.audio for each in pairs} <= stored.keys()
    # With one take there is nothing to compare.
    alone = {key: number for key, number in stored.items() if number == 4}
    assert list(TAKES.pairs(planned.line, entry, alone, time=NOW, source="/test")) == []
