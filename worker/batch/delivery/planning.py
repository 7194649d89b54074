"""Which file each line of a script becomes in a delivery. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from schemas.enums import AudioEncoding
from worker.batch.delivery.naming import file_name
from worker.batch.delivery.options import DeliveryOptions
from worker.batch.entry import ManifestEntry
from worker.batch.scripts.model import Line


@dataclass(frozen=True)
class PlannedFile:
    """A line's file.

    Attributes:
        file: its path in the delivery, with forward slashes.
        sha256: of the take that it is made of.
        encoding: of that take.
    """

    line: Line
    file: str
    sha256: str
    encoding: AudioEncoding


def plan_files(
    lines: Iterable[Line], entries: Mapping[str, ManifestEntry], options: DeliveryOptions
) -> Iterator[PlannedFile]:
    """The files of the lines that are done.

    Args:
        entries: of the manifest, by line.
    """
    for line in lines:
        entry = entries.get(line.id)
        if entry is None or not entry.is_done or entry.sha256 is None or entry.encoding is None:
            continue
        values = {
            "language": line.job.language,
            "character": line.job.character,
            "scene": line.scene or "no-scene",
            "id": line.id,
            "take": str(line.job.take),
            "ext": options.form.value,
        }
        yield PlannedFile(line, file_name(options.template, values), entry.sha256, entry.encoding)
