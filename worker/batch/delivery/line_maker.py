"""Makes a line's delivered file of its take, unless the folder has it already. Slow: call it on a thread."""

import hashlib
import math
from pathlib import Path
from typing import Final

from worker.batch.atomic_file import UNWRITABLE, replace_file
from worker.batch.audio_file import file_sha256, read_take
from worker.batch.delivery.encoding import encode
from worker.batch.delivery.mastering import master
from worker.batch.delivery.options import DeliveryOptions
from worker.batch.delivery.owned_files import not_ours
from worker.batch.delivery.planning import PlannedFile
from worker.batch.delivery.record import DeliveredFile, Record
from worker.batch.file_names import audio_path
from worker.speech.audio_format import BadAudioError
from worker.speech.loudness import decode_whole

_DECIMALS: Final = 2


class LineMaker:
    """Makes the files of lines in one folder; several threads may use it.

    Args:
        audio: the folder of `batch --download`, which is only read.
        folder: of the delivery.
        record: what earlier deliveries wrote there.
    """

    def __init__(self, audio: Path, folder: Path, options: DeliveryOptions, record: Record) -> None:
        self._audio = audio
        self._folder = folder
        self._options = options
        self._record = record

    def deliver(self, planned: PlannedFile) -> tuple[DeliveredFile, bool] | str:
        """Return the file as it is now and whether it was written now; or why it isn't delivered.

        Raises:
            OSError: the disk is full or can't be written: no other file would be written either.
        """
        try:
            return self._deliver(planned)
        except (OSError, BadAudioError) as error:
            if isinstance(error, OSError) and error.errno in UNWRITABLE:
                raise
            return f"{planned.line.id}: {error}"

    def _deliver(self, planned: PlannedFile) -> tuple[DeliveredFile, bool] | str:
        path, before = self._folder / planned.file, self._record.files.get(planned.file)
        found = file_sha256(path)
        is_recorded = before is not None and found == before.sha256
        wanted = (planned.sha256, self._options.made_by)
        if before is not None and is_recorded and (before.source, before.made_by) == wanted:
            return before, False
        job = planned.line.job
        source = self._audio / audio_path(job.character, planned.line.id, planned.encoding)
        take = read_take(source, planned.sha256)
        if take is None:
            return f"{planned.line.id}: {source} isn't the line's take; `batch --download {self._audio}` fetches it"
        content, made = self._make(planned, take)
        if found == made.sha256:
            # Written by a delivery that was killed, or had no space, before it could record it.
            return made, False
        if found is not None and not is_recorded:
            return f"{planned.line.id}: {not_ours(path)}"
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, content)
        return made, True

    def _make(self, planned: PlannedFile, take: bytes) -> tuple[bytes, DeliveredFile]:
        mastering = self._options.mastering
        samples, rate = decode_whole(take, planned.encoding, planned.line.job.audio.sample_rate)
        mastered = master(samples, rate, mastering)
        content = encode(mastered.samples, mastering.sample_rate, self._options.form)
        return content, DeliveredFile(
            line=planned.line.id,
            source=planned.sha256,
            made_by=self._options.made_by,
            sha256=hashlib.sha256(content).hexdigest(),
            lufs_before=_rounded(mastered.lufs_before),
            lufs=_rounded(mastered.after.lufs),
            peak_dbtp=_rounded(mastered.after.peak_dbtp),
            seconds=round(mastered.after.seconds, 3),
        )


def _rounded(value: float) -> float | None:
    return round(value, _DECIMALS) if math.isfinite(value) else None
