"""What is known of a batch, in memory and on disk: the manifest, and the journal of what happened since."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from worker.batch.journal import Journal, JournalEntry, Positions, journal_entries
from worker.batch.manifest import Entry, Sent, journal_of, read_manifest, write_manifest


class BatchState:
    """The entries of a batch, and its jobs under way.

    Attributes:
        entries: how each line ended, the last time that it was made.
        under_way: jobs that were sent, or about to be, and of which nothing was heard, by their ids.
        positions: how far the topics are read; empty before the first job.
    """

    def __init__(self, manifest: Path, notes: Sequence[JournalEntry]) -> None:
        self.manifest = manifest
        self.entries: dict[str, Entry] = read_manifest(manifest)
        self.under_way: dict[str, Sent] = {}
        self.positions = Positions()
        self._changed = False
        for note in notes:
            self._take(note)

    @property
    def lines_under_way(self) -> dict[str, Sent]:
        """The jobs under way, by the lines that they are of."""
        return {sent.line: sent for sent in self.under_way.values()}

    def _take(self, note: JournalEntry) -> None:
        if note.positions is not None:
            self.positions = note.positions
        self._changed |= bool(note.sent or note.ended or note.unsent)
        for sent in note.sent:
            self.under_way[sent.job_id] = sent
        for entry in note.ended:
            self.under_way.pop(entry.job_id, None)
            self.entries[entry.line] = entry.after(self.entries.get(entry.line))
        for job_id in note.unsent:
            self.under_way.pop(job_id, None)


class WritableBatchState(BatchState):
    """A book that this process alone has open. Each change is on disk when its method returns."""

    def __init__(self, manifest: Path, journal: Journal) -> None:
        super().__init__(manifest, journal.read())
        self._journal = journal

    def begin(self, positions: Positions) -> None:
        """Notes where the topics end, while no job is under way."""
        self._note(JournalEntry(positions=positions))

    def sending(self, sent: Sequence[Sent]) -> None:
        """Notes jobs, before they are sent."""
        self._note(JournalEntry(sent=tuple(sent)))

    def unsent(self, job_ids: Iterable[str]) -> None:
        """Notes that jobs never got into their lane."""
        self._note(JournalEntry(unsent=tuple(job_ids)))

    def ended(self, entries: Sequence[Entry], completions: dict[int, int]) -> None:
        """Notes how lines ended, and how far the completions are read with them."""
        self._note(
            JournalEntry(ended=tuple(entries), positions=self.positions.model_copy(update={"completions": completions}))
        )

    def write(self, order: Iterable[str], *, keep_others: bool = False) -> None:
        """Writes the manifest anew, whole, if it has changed, and shortens the journal to what it doesn't say.

        Args:
            order: the script's lines.
            keep_others: entries of other lines are kept, behind them, and not left out.
        """
        lines = list(order)
        if keep_others:
            lines = list(dict.fromkeys([*lines, *self.entries]))
        if not self._changed and list(self.entries) == lines:
            return
        write_manifest(self.manifest, self.entries, lines)
        # A line that was left out of the manifest must not come back with the next start.
        self.entries = {line: self.entries[line] for line in lines if line in self.entries}
        self._journal.replace([JournalEntry(positions=self.positions, sent=tuple(self.under_way.values()))])
        self._changed = bool(self.under_way)

    def _note(self, note: JournalEntry) -> None:
        self._journal.append(note)
        self._take(note)


@contextmanager
def open_state(manifest: Path) -> Iterator[WritableBatchState]:
    """Opens a batch's book for this process alone.

    Args:
        manifest: its path; the journal is beside it.

    Raises:
        RefusedError: another command has it open.
        UsageError: manifest or journal can't be read or written.
    """
    journal = Journal(journal_of(manifest))
    try:
        yield WritableBatchState(manifest, journal)
    finally:
        journal.close()


def read_state(manifest: Path) -> BatchState:
    """A batch's book as it is now, though another command may be writing it.

    Raises:
        UsageError: manifest or journal can't be read.
    """
    # In this order: what leaves the journal is in the manifest by then.
    return BatchState(manifest, journal_entries(journal_of(manifest)))
