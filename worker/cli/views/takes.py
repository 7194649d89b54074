"""Shows the takes of lines as rows. Pure."""

from collections.abc import Collection, Iterable, Mapping, Sequence

from schemas.enums import JobStatus
from worker.batch.candidates import parse_candidate_id
from worker.batch.entry import ManifestEntry
from worker.batch.voice_selection import PlannedLine
from worker.pricing.google_terms import list_price, whole_micros

Row = dict[str, object]


def redone_rows(planned: Sequence[PlannedLine], entries: Mapping[str, ManifestEntry]) -> list[Row]:
    """A row for each take that a redo was to make.

    Args:
        entries: of the candidates' manifest.
    """
    rows: list[Row] = []
    for each in planned:
        line, number = parse_candidate_id(each.line.id) or (each.line.id, each.job.take)
        entry = entries.get(each.line.id)
        if entry is not None and each.key not in {entry.key, entry.asked}:
            # Of an earlier text of the line.
            entry = None
        error = entry.error if entry else None
        model = entry.voice_model if entry and entry.voice_model else each.voice.voice_model
        rows.append(
            {
                "line": line,
                "take": number,
                "status": entry.status.value if entry else "not made",
                "voice model": model.value,
                "seconds": entry.duration_s if entry else None,
                "error": f"{error.code}: {error.message}" if error else "",
            }
        )
    return rows


def candidate_totals(
    candidates: Mapping[str, ManifestEntry], own: Mapping[str, ManifestEntry], lines: Collection[str]
) -> Row:
    """The totals of the candidates' manifest; a line's own take that stands there too counts as the line's.

    Args:
        candidates: entries of the candidates' manifest.
        own: entries of the script's manifest.
        lines: of the script.
    """
    known = list(_of_lines(candidates, own, lines))
    return {
        "candidates": sum(entry.is_done for entry in known),
        "candidates failed": sum(entry.status is not JobStatus.DONE for entry in known),
        "USD of candidates": whole_micros(sum(list_price(entry.billed) for entry in known)),
    }


def _of_lines(
    candidates: Mapping[str, ManifestEntry], own: Mapping[str, ManifestEntry], lines: Collection[str]
) -> Iterable[ManifestEntry]:
    for name, entry in candidates.items():
        line, number = parse_candidate_id(name) or ("", 0)
        of_line = own.get(line)
        if line in lines and (of_line is None or of_line.take != number):
            yield entry
