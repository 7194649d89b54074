"""Delivers a batch's audio: masters and writes what has changed since the last delivery, with its tables."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from worker.batch.atomic_file import UNWRITABLE
from worker.batch.delivery.line_maker import LineMaker
from worker.batch.delivery.model import DeliveredLine, Table
from worker.batch.delivery.naming import check_different
from worker.batch.delivery.options import DeliveryOptions
from worker.batch.delivery.owned_files import locked, not_ours, old_files, write_table
from worker.batch.delivery.planning import PlannedFile, plan_files
from worker.batch.delivery.record import DeliveredFile, Record, read_record, write_record
from worker.batch.entry import ManifestEntry
from worker.batch.scripts.model import Line

ProgressCallback = Callable[[int, int], None]
"""Called with the number done and the total."""
TableMaker = Callable[[Sequence[DeliveredLine]], Iterable[Table]]
"""Makes tables of the delivered lines, which are in the script's order."""
_TOLERANCE_LU: Final = 0.5


@dataclass
class DeliveryResult:
    """What a delivery did; files by path.

    Attributes:
        files: the lines' files as they are now.
        tables: the names of the files beside the audio.
        written: made now.
        kept: up to date already.
        quiet: more than 0.5 LU below the target, since their peaks allow no more.
        old: of lines that have left the script, and still there.
        deleted: the same, removed.
        problems: a message for each line or table that isn't delivered.
    """

    files: dict[str, DeliveredFile] = field(default_factory=dict)
    tables: list[str] = field(default_factory=list)
    written: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    quiet: list[str] = field(default_factory=list)
    old: list[str] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


class Delivery:
    """One delivery of a script. A file that somebody else wrote, or changed, is left and reported.

    Args:
        audio: the folder of `batch --download`, which is only read.
        folder: of the delivery; is made where it is missing.
        tables: make the files beside the audio.
        script: the name of its file: a folder has the delivery of one script.
    """

    def __init__(
        self, audio: Path, folder: Path, options: DeliveryOptions, tables: Sequence[TableMaker], *, script: str
    ) -> None:
        self._script = script
        self._audio = audio
        self._folder = folder
        self._options = options
        self._tables = tables
        self._record = Record()
        self._result = DeliveryResult()

    def run(
        self, lines: Sequence[Line], entries: Mapping[str, ManifestEntry], progress: ProgressCallback
    ) -> DeliveryResult:
        """Deliver the lines that are done.

        Args:
            entries: of the manifest, by line.

        Raises:
            UsageError: two lines would get one file, the folder's record can't be read or is another script's, or
                another delivery writes into the folder.
            OSError: the disk is full or can't be written. What was written before is known to the next delivery.
        """
        planned = list(plan_files(lines, entries, self._options))
        check_different((each.line.id, each.file) for each in planned)
        self._folder.mkdir(parents=True, exist_ok=True)
        with locked(self._folder):
            self._record = read_record(self._folder)
            self._record.check_script(self._script)
            self._deliver(planned, progress)
        return self._result

    def _deliver(self, planned: Sequence[PlannedFile], progress: ProgressCallback) -> None:
        try:
            self._deliver_lines(planned, progress)
        finally:
            # Also after Ctrl-C: what was written is known, and isn't made again.
            self._write_record(self._record.files | self._result.files)
        tables = self._write_tables(planned)
        left = self._clear_old({each.file for each in planned} | tables.keys())
        self._write_record(self._result.files | tables | left)

    def _write_record(self, files: Mapping[str, DeliveredFile]) -> None:
        write_record(self._folder, Record(script=self._script, files=dict(files)))

    def _deliver_lines(self, planned: Sequence[PlannedFile], progress: ProgressCallback) -> None:
        maker = LineMaker(self._audio, self._folder, self._options, self._record)
        # Threads: NumPy, libsoxr and libsndfile compute without Python's lock.
        with ThreadPoolExecutor() as threads:
            futures = {threads.submit(maker.deliver, each): each for each in planned}
            try:
                for number, future in enumerate(as_completed(futures), start=1):
                    self._note(futures[future], future.result())
                    progress(number, len(planned))
            finally:
                threads.shutdown(cancel_futures=True)

    def _note(self, planned: PlannedFile, outcome: tuple[DeliveredFile, bool] | str) -> None:
        if isinstance(outcome, str):
            self._result.problems.append(outcome)
            return
        done, is_new = outcome
        self._result.files[planned.file] = done
        (self._result.written if is_new else self._result.kept).append(planned.file)
        target = self._options.mastering.target_lufs
        if target is not None and done.lufs is not None and done.lufs < target - _TOLERANCE_LU:
            self._result.quiet.append(planned.file)

    def _write_tables(self, planned: Sequence[PlannedFile]) -> dict[str, DeliveredFile]:
        files = self._result.files
        lines = [
            DeliveredLine(each.line, each.file, files[each.file].seconds) for each in planned if each.file in files
        ]
        written = {}
        for table in (table for make in self._tables for table in make(lines)):
            try:
                file = write_table(self._folder, table, self._record)
            except OSError as error:
                if error.errno in UNWRITABLE:
                    raise
                self._result.problems.append(str(error))
                continue
            if file is None:
                self._result.problems.append(not_ours(self._folder / table.name))
            else:
                written[table.name] = file
        self._result.tables = sorted(written)
        return written

    def _clear_old(self, wanted: set[str]) -> dict[str, DeliveredFile]:
        """Find, and remove if that is wanted, files of earlier deliveries that this one doesn't have."""
        left = {}
        for name, file in old_files(self._folder, self._record, wanted):
            if isinstance(file, OSError):
                self._result.problems.append(f"{name}: {file}")
            elif self._options.delete:
                try:
                    (self._folder / name).unlink()
                    self._result.deleted.append(name)
                except OSError as error:
                    self._result.problems.append(f"{name}: {error}")
            else:
                left[name] = file
                self._result.old.append(name)
        return left
