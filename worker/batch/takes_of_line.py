"""The takes of each line of a script that are known to be made: its own, and those to choose from. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from schemas.enums import AudioEncoding
from worker.batch.candidates import FOLDER, parse_candidate_id
from worker.batch.entry import ManifestEntry
from worker.batch.file_names import audio_path
from worker.batch.line_takes import LineTakes
from worker.batch.scripts.model import Line


@dataclass(frozen=True, slots=True)
class LineTake:
    """A take with audio.

    Attributes:
        number: of the take.
        entry: of the script's manifest for the line's own take, else of the candidates' manifest; `entry.line` is the
            candidate's id there. Voice model, duration, SHA-256, price and whether it is a fallback stand in it.
        is_own: it is the take that the script's manifest and the folder of `--download` have for the line.
    """

    number: int
    entry: ManifestEntry
    is_own: bool

    @property
    def path(self) -> str:
        """The audio's path in the folder of `--download`, with forward slashes."""
        encoding = self.entry.encoding or AudioEncoding.OGG_OPUS
        path = audio_path(self.entry.character, self.entry.line, encoding)
        return path if self.is_own else f"{FOLDER}/{path}"


def takes_of_lines(
    lines: Iterable[Line],
    entries: Mapping[str, ManifestEntry],
    candidates: Mapping[str, ManifestEntry],
    takes: LineTakes,
) -> dict[str, tuple[LineTake, ...]]:
    """The takes of each line, in the order of their numbers; no entry for a line without audio.

    The line's own take is among them as long as it has audio. Candidates are those of the line's present text: takes
    of an earlier text are left out, since a choice of their number means the present one.

    Args:
        lines: of the script, as they are spoken now.
        entries: of the script's manifest, by line.
        candidates: of the candidates' manifest, `read_state(takes_manifest(manifest)).entries`.
        takes: knows the lines' keys.
    """
    by_line: dict[str, dict[int, ManifestEntry]] = {}
    for name, entry in candidates.items():
        parsed = parse_candidate_id(name)
        if parsed is not None and entry.is_done:
            by_line.setdefault(parsed[0], {})[parsed[1]] = entry
    found = {}
    for line in lines:
        others = by_line.get(line.id, {})
        known = {
            number: LineTake(number, entry, is_own=False)
            for number, entry in others.items()
            if takes.is_take(line, entry, number)
        }
        own = entries.get(line.id)
        if own is not None and own.is_done:
            known[own.take] = LineTake(own.take, own, is_own=True)
        if known:
            found[line.id] = tuple(known[number] for number in sorted(known))
    return found
