"""Delivers a batch's audio: masters and writes what has changed since the last delivery, with the engine's tables."""

import hashlib
import math
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from worker.batch.atomic_file import replace_file
from worker.batch.audio_file import file_sha256, read_take
from worker.batch.delivery.encoding import encode
from worker.batch.delivery.engines import TARGETS, DeliveredLine
from worker.batch.delivery.mastering import master
from worker.batch.delivery.naming import check_different
from worker.batch.delivery.options import DeliveryOptions
from worker.batch.delivery.planning import PlannedFile, plan_files
from worker.batch.delivery.record import DeliveredFile, Record, read_record, write_record
from worker.batch.entry import ManifestEntry
from worker.batch.file_names import audio_path
from worker.batch.scripts.model import Line
from worker.speech.audio_format import BadAudioError
from worker.speech.loudness import decode_whole

ProgressCallback = Callable[[int, int], None]
"""Called with the number done and the total."""
_DECIMALS: Final = 2
_TOLERANCE_LU: Final = 0.5


@dataclass
class DeliveryResult:
    """What a delivery did; files by path.

    Attributes:
        files: the lines' files as they are now.
        written: made now.
        kept: up to date already.
        quiet: more than 0.5 LU below the target, since their peaks allow no more.
        old: of lines that have left the script, and still there.
        deleted: the same, removed.
        problems: a message for each line or table that isn't delivered.
    """

    files: dict[str, DeliveredFile] = field(default_factory=dict)
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

    Raises:
        UsageError: the folder's record can't be read.
    """

    def __init__(self, audio: Path, folder: Path, options: DeliveryOptions) -> None:
        self._audio = audio
        self._folder = folder
        self._options = options
        self._record = read_record(folder)
        self._result = DeliveryResult()

    def run(
        self, lines: Sequence[Line], entries: Mapping[str, ManifestEntry], progress: ProgressCallback
    ) -> DeliveryResult:
        """Deliver the lines that are done.

        Args:
            entries: of the manifest, by line.

        Raises:
            UsageError: two lines would get one file.
            OSError: the record can't be written.
        """
        planned = list(plan_files(lines, entries, self._options))
        check_different((each.line.id, each.file) for each in planned)
        self._folder.mkdir(parents=True, exist_ok=True)
        try:
            self._deliver_lines(planned, progress)
        finally:
            # Also after Ctrl-C: what was written is known, and isn't made again.
            write_record(self._folder, Record(files=self._record.files | self._result.files))
        tables = self._write_tables(planned)
        left = self._clear_old({each.file for each in planned} | tables.keys())
        write_record(self._folder, Record(files=self._result.files | tables | left))
        return self._result

    def _deliver_lines(self, planned: Sequence[PlannedFile], progress: ProgressCallback) -> None:
        # Threads: NumPy, libsamplerate and libsndfile compute without Python's lock.
        with ThreadPoolExecutor() as threads:
            futures = {threads.submit(self._deliver_line, each): each for each in planned}
            try:
                for number, future in enumerate(as_completed(futures), start=1):
                    self._note(futures[future], future.result())
                    progress(number, len(planned))
            finally:
                threads.shutdown(cancel_futures=True)

    def _deliver_line(self, planned: PlannedFile) -> tuple[DeliveredFile, bool] | str:
        """Return the file as it is now and whether it was made now; or why it isn't delivered."""
        path, before = self._folder / planned.file, self._record.files.get(planned.file)
        try:
            found = file_sha256(path)
            if found is not None and (before is None or found != before.sha256):
                return f"{planned.line.id}: {_not_ours(path)}"
            wanted = (planned.sha256, self._options.made_by)
            if before is not None and found is not None and (before.source, before.made_by) == wanted:
                return before, False
            job = planned.line.job
            source = self._audio / audio_path(job.character, planned.line.id, planned.encoding)
            take = read_take(source, planned.sha256)
            if take is None:
                return f"{planned.line.id}: {source} isn't the line's take; `batch --download {self._audio}` fetches it"
            return self._make(planned, take, path), True
        except (OSError, BadAudioError) as error:
            return f"{planned.line.id}: {error}"

    def _make(self, planned: PlannedFile, take: bytes, path: Path) -> DeliveredFile:
        mastering = self._options.mastering
        samples, rate = decode_whole(take, planned.encoding, planned.line.job.audio.sample_rate)
        mastered = master(samples, rate, mastering)
        content = encode(mastered.samples, mastering.sample_rate, self._options.form)
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, content)
        return DeliveredFile(
            line=planned.line.id,
            source=planned.sha256,
            made_by=self._options.made_by,
            sha256=hashlib.sha256(content).hexdigest(),
            lufs_before=_rounded(mastered.before.lufs),
            lufs=_rounded(mastered.after.lufs),
            peak_dbtp=_rounded(mastered.after.peak_dbtp),
            seconds=round(mastered.after.seconds, 3),
        )

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
        lines = [
            DeliveredLine(
                line=each.line.id,
                character=each.line.job.character,
                language=each.line.job.language,
                text=each.line.job.text or each.line.job.ssml or "",
                file=each.file,
                seconds=self._result.files[each.file].seconds,
            )
            for each in planned
            if each.file in self._result.files
        ]
        written = {}
        for table in TARGETS[self._options.engine].tables(lines):
            before, content = self._record.files.get(table.name), table.text.encode()
            new = DeliveredFile(sha256=hashlib.sha256(content).hexdigest())
            try:
                if self._write_table(
                    self._folder / table.name, content, {new.sha256, before.sha256 if before else None}
                ):
                    written[table.name] = new
            except OSError as error:
                self._result.problems.append(str(error))
        return written

    def _write_table(self, path: Path, content: bytes, ours: set[str | None]) -> bool:
        found = file_sha256(path)
        if found is not None and found not in ours:
            self._result.problems.append(_not_ours(path))
            return False
        if found != hashlib.sha256(content).hexdigest():
            path.parent.mkdir(parents=True, exist_ok=True)
            replace_file(path, content)
        return True

    def _clear_old(self, wanted: set[str]) -> dict[str, DeliveredFile]:
        """Find, and remove if that is wanted, files of earlier deliveries that this one doesn't have."""
        left = {}
        for name, file in self._record.files.items():
            path = self._folder / name
            try:
                if name in wanted or file_sha256(path) != file.sha256:
                    continue
                if self._options.delete:
                    path.unlink()
                    self._result.deleted.append(name)
                else:
                    left[name] = file
                    self._result.old.append(name)
            except OSError as error:
                self._result.problems.append(f"{name}: {error}")
        return left


def _not_ours(path: Path) -> str:
    return f"{path} was written or changed by somebody else, so it was left; move it away"


def _rounded(value: float) -> float | None:
    return round(value, _DECIMALS) if math.isfinite(value) else None
