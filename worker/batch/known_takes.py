"""What is known of the takes of a script's lines: which candidates they have, and which of them choices use. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from schemas.enums import VoiceModel
from worker.batch.candidates import candidate_id
from worker.batch.entry import ManifestEntry
from worker.batch.line_takes import LineTakes
from worker.batch.scripts.model import Line


@dataclass(frozen=True)
class KnownTakes:
    """The takes that the two manifests of a script have.

    Attributes:
        own: entries of the script's manifest, by line.
        candidates: entries of the candidates' manifest, by candidate.
        keys: computes the keys of the lines as they are now.
    """

    own: Mapping[str, ManifestEntry]
    candidates: Mapping[str, ManifestEntry]
    keys: LineTakes

    def own_take(self, line: Line) -> ManifestEntry | None:
        """The line's own take, whatever its number; None if it has no audio of the line as it is now."""
        entry = self.own.get(line.id)
        is_current = entry is not None and entry.is_done and self.keys.is_take(line, entry, entry.take)
        return entry if is_current else None

    def candidate(self, line: Line, number: int) -> ManifestEntry | None:
        """A candidate with audio of the line as it is now."""
        entry = self.candidates.get(candidate_id(line.id, number))
        is_current = entry is not None and entry.is_done and self.keys.is_take(line, entry, number)
        return entry if is_current else None

    def model(self, line: Line) -> VoiceModel | None:
        """The voice model of a line's candidates: the one that was decided for its own take.

        That is Chirp for a take that fell back to WaveNet. None where the line has no take yet.
        """
        entry = self.own_take(line)
        return None if entry is None else entry.decided

    def as_heard(self, line: Line) -> Line:
        """A line whose chosen take was heard as a candidate, with the voice model that spoke it then.

        Another model's take of the same number would be another reading, which nobody has heard.
        """
        heard = None if line.first_take is None or line.job.voice else self.candidate(line, line.job.take)
        if heard is None or heard.voice_model is None:
            return line
        return replace(line, job=line.job.model_copy(update={"voice": heard.voice_model.value}))

    def replaced(self, lines: Iterable[Line]) -> Iterator[ManifestEntry]:
        """The own takes that choices are about to replace, as candidates: all takes of a line are kept."""
        for line in lines:
            own = None if line.first_take is None else self.own.get(line.id)
            if own is not None and own.take != line.job.take:
                yield from self.kept(line)

    def kept(self, line: Line) -> Iterator[ManifestEntry]:
        """The line's own take as a candidate, unless it is one already."""
        own = self.own_take(line)
        if own is not None and self.candidate(line, own.take) is None:
            yield own.model_copy(update={"line": candidate_id(line.id, own.take), "earlier": ()})
