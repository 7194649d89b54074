"""The journal of a batch: who has it open, what a crash leaves of it, and that no cut of it costs anything."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.completion import Completion
from schemas.errors import RefusedError, UsageError
from tests.unit.batches import InstantLane, done, line, plan, selector
from worker.batch.entry import build_entry
from worker.batch.journal import Journal, JournalEntry, Positions
from worker.batch.line_status import LineStatus, next_job
from worker.batch.manifest import journal_path
from worker.batch.runner import BatchRunner, RunPlan
from worker.batch.state import WritableBatchState, open_state
from worker.lifecycle.clock import Clock

MEI = "mei on desk-3, process 4711, since 2026-11-29 20:15 UTC"
ONE, TWO = JournalEntry(unsent=("a",)), JournalEntry(unsent=("b",))


def test_who_is_refused_is_shown_whose_command_it_is_and_what_to_do(tmp_path: Path) -> None:
    manifest = tmp_path / "s.csv.manifest.jsonl"
    with open_state(manifest, MEI) as state:
        state.begin(Positions(completions={0: 1}))
        state.write(["a"])
        with pytest.raises(RefusedError) as caught, open_state(manifest, "tom on desk-4"):
            pass
    assert str(caught.value) == (
        f"{journal_path(manifest)}: another `chirp-worker batch` is running on this manifest ({MEI}); wait until it "
        "ends, or stop it with Ctrl-C, which loses nothing"
    )


def test_a_command_that_ends_takes_its_name_out_of_the_journal(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    journal = Journal(path)
    journal.sign(MEI)
    journal.close()
    assert path.read_bytes() == b""
    journal = Journal(path)
    journal.sign(MEI)
    journal.append(ONE)
    journal.replace([TWO])
    assert MEI.encode() in path.read_bytes()
    journal.close()
    journal = Journal(path)
    assert journal.read() == [TWO]
    journal.close()


def test_the_name_that_a_killed_command_leaves_changes_nothing_for_the_next_one(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    journal = Journal(path)
    journal.sign(MEI)
    journal.append(ONE)
    killed = path.read_bytes()
    journal.close()
    path.write_bytes(killed)
    journal = Journal(path)
    assert [each.unsent for each in journal.read()] == [(), ("a",)]
    journal.sign("tom on desk-4")
    with pytest.raises(RefusedError, match="tom on desk-4"):
        Journal(path)
    journal.close()


def test_an_entry_of_another_version_is_refused_with_the_way_on(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    path.write_text('{"unsent": ["a"]}\n{"invented": 1}\n', encoding="utf-8")
    journal = Journal(path)
    with pytest.raises(UsageError, match=":2:invented: this version of chirp-worker doesn't know this field: use the"):
        journal.read()
    journal.close()


class World(InstantLane):
    """Kafka, the workers and the store: what they have done stays, whatever a studio's disk has lost."""

    def __init__(self) -> None:
        self.keys: dict[str, str] = {}
        self.stored: set[str] = set()
        self.paid: Counter[str] = Counter()
        self.ended: dict[str, Completion] = {}
        super().__init__(self.keys.__getitem__)

    async def completions(self, job_ids: Container[str]) -> list[Completion]:
        for each in self._pending:
            key = self.keys[each.job_id]
            if key not in self.stored:
                self.stored.add(key)
                self.paid[key] += 1
            self.ended[each.job_id] = done(each.job_id, key)
        return await super().completions(job_ids)

    async def run(self, state: WritableBatchState, lines: int) -> None:
        """The way of one command: how the jobs in flight ended, and then the lines."""
        planned_lines = plan(*(line(f"l-{number}", text=f"Line {number}.") for number in range(lines)))
        for each in planned_lines:
            self.keys[next_job(each, state.entries.get(each.line.id))[1].job_id] = each.key
        ended = [build_entry(sent, self.ended[name]) for name, sent in state.in_flight.items() if name in self.ended]
        state.record_ended(ended, {0: 1})
        state.record_unsent(set(state.in_flight))
        wanted = frozenset({LineStatus.NEW, LineStatus.EDITED})
        chosen = RunPlan(planned_lines, selector(), wanted, stored=self.stored & {each.key for each in planned_lines})
        await BatchRunner(state, chosen, Clock()).run(self, lambda _: None)


@given(cut=st.integers(0, 10_000))
async def test_wherever_a_journal_is_cut_no_line_is_lost_or_paid_for_twice(tmp_path_factory, cut: int) -> None:
    manifest = tmp_path_factory.mktemp("cut") / "s.csv.manifest.jsonl"
    world = World()
    with open_state(manifest, MEI) as state:
        state.begin(Positions(completions={0: 0}, lane={0: 0}))
        await world.run(state, 4)
    journal = journal_path(manifest)
    content = journal.read_bytes()
    assert len(content) < 10_000
    journal.write_bytes(content[: cut % (len(content) + 1)])
    with open_state(manifest, MEI) as state:
        await world.run(state, 6)
        assert len(state.entries) == 6
        assert all(entry.is_done for entry in state.entries.values())
        assert not state.in_flight
    assert sorted(world.paid.values()) == [1] * 6
