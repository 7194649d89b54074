"""The state of a batch, in memory and on disk: the manifest, and the journal of what has happened since."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from worker.batch.entry import ManifestEntry, SentJob
from worker.batch.journal import Journal, JournalEntry, Positions, journal_entries
from worker.batch.manifest import journal_path, read_manifest, write_manifest
from worker.batch.regular_file import followed


class BatchState:
    """The entries of a batch, and its jobs in flight.

    Attributes:
        entries: how the last job of each line ended, by line.
        in_flight: jobs recorded as sent and without a completion yet, by job id.
        positions: how far the topics are read; empty before the first job.
        asked: ids of the candidates that the last redo was to make.
        served: by candidate, the verdict that it was made for.
    """

    def __init__(self, manifest: Path, journal: Sequence[JournalEntry]) -> None:
        self.manifest = manifest
        self.entries: dict[str, ManifestEntry] = read_manifest(manifest)
        self.in_flight: dict[str, SentJob] = {}
        self.positions = Positions()
        self.asked: tuple[str, ...] = ()
        self.served: dict[str, str] = {}
        self._changed = False
        for entry in journal:
            self._apply(entry)

    @property
    def lines_in_flight(self) -> dict[str, SentJob]:
        """The jobs in flight, by line."""
        return {sent.line: sent for sent in self.in_flight.values()}

    def _apply(self, change: JournalEntry) -> None:
        if change.positions is not None:
            self.positions = change.positions
        if change.asked is not None:
            self.asked = change.asked
        self.served |= change.served
        self._changed |= bool(change.sent or change.ended or change.unsent)
        for sent in change.sent:
            self.in_flight[sent.job_id] = sent
        for entry in change.ended:
            self.in_flight.pop(entry.job_id, None)
            self.entries[entry.line] = entry.with_earlier_takes(self.entries.get(entry.line))
        for job_id in change.unsent:
            self.in_flight.pop(job_id, None)


class WritableBatchState(BatchState):
    """A batch's state that only this process has open. Each change is on disk once its method returns."""

    def __init__(self, manifest: Path, journal: Journal) -> None:
        super().__init__(manifest, journal.read())
        self._journal = journal

    def begin(self, positions: Positions) -> None:
        """Records the ends of the topics, while no job is in flight."""
        self._record(JournalEntry(positions=positions))

    def record_asked(self, candidates: Sequence[str], served: Mapping[str, str]) -> None:
        """Records what a redo is to make, before it sends anything, and the verdicts that it serves."""
        self._record(JournalEntry(asked=tuple(candidates), served=dict(served)))

    def record_sent(self, sent: Sequence[SentJob]) -> None:
        """Records jobs as sent, before they are sent."""
        self._record(JournalEntry(sent=tuple(sent)))

    def record_unsent(self, job_ids: Iterable[str]) -> None:
        """Records that jobs never reached their lane."""
        self._record(JournalEntry(unsent=tuple(job_ids)))

    def record_ended(self, entries: Sequence[ManifestEntry], completions: dict[int, int]) -> None:
        """Records how jobs ended, and the offsets up to which their completions are read, by partition."""
        positions = self.positions.model_copy(update={"completions": completions})
        self._record(JournalEntry(ended=tuple(entries), positions=positions))

    def write(self, order: Iterable[str], *, keep_others: bool = False) -> None:
        """Writes the whole manifest, if it has changed, and compacts the journal.

        Args:
            order: the script's lines.
            keep_others: keep the entries of other lines, after those of the script; else they are dropped.
        """
        lines = list(order)
        if keep_others:
            lines = list(dict.fromkeys([*lines, *self.entries]))
        if not self._changed and list(self.entries) == lines:
            return
        write_manifest(self.manifest, self.entries, lines)
        # A line dropped from the manifest must not come back from the journal at the next start.
        self.entries = {line: self.entries[line] for line in lines if line in self.entries}
        whole = JournalEntry(
            positions=self.positions, sent=tuple(self.in_flight.values()), asked=self.asked or None, served=self.served
        )
        self._journal.replace([whole])
        self._changed = bool(self.in_flight)

    def _record(self, change: JournalEntry) -> None:
        self._journal.append(change)
        self._apply(change)


@contextmanager
def open_state(manifest: Path, owner: str = "") -> Iterator[WritableBatchState]:
    """Opens a batch's state for this process alone.

    Args:
        owner: what others are shown who are refused meanwhile.

    Raises:
        RefusedError: another command has it open.
        UsageError: the manifest or the journal can't be read or written.
        OSError: the disk is full.
    """
    # Who names it by a symbolic link has the same journal, and so the same lock.
    manifest = followed(manifest)
    journal = Journal(journal_path(manifest))
    try:
        state = WritableBatchState(manifest, journal)
        journal.sign(owner)
        yield state
    finally:
        journal.close()


def read_state(manifest: Path) -> BatchState:
    """A batch's present state, while another command may be writing it.

    Raises:
        UsageError: the manifest or the journal can't be read.
    """
    manifest = followed(manifest)
    # The journal first: an entry that has left the journal is in the manifest by then.
    entries = journal_entries(journal_path(manifest))
    return BatchState(manifest, entries)
