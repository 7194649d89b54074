"""The status of each line of a script: new, edited, in flight, done, failed, or decided for another voice. Pure."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from schemas.enums import VoiceModel
from schemas.job import Job
from worker.batch.entry import ManifestEntry, SentJob
from worker.batch.voice_selection import PlannedLine, VoiceSelector

_JOB_ID: Final = re.compile(r"(.+):[0-9a-f]{10}(?::[1-9][0-9]*)?(?:\+take[1-9][0-9]*)?", re.DOTALL)


class LineStatus(StrEnum):
    """The status of a line.

    EDITED: the line has audio, and would sound different now. IN_FLIGHT: its job was sent and has no completion yet.
    VOICE_CHANGED: the line is the same, and would get another voice now: the rollout decides for another voice model,
    or the workers spoke it by another characters file or another rollout than this command's.
    """

    NEW = "new"
    EDITED = "edited"
    IN_FLIGHT = "under way"
    VOICE_CHANGED = "voice changed"
    FAILED = "failed"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class LineState:
    """A line with its status.

    Attributes:
        status_after_job: the status once the job in flight is done, as far as the job's record says; without a job in
            flight, the same as `status`.
        entry: of the manifest.
    """

    planned: PlannedLine
    status: LineStatus
    status_after_job: LineStatus
    entry: ManifestEntry | None


def line_states(
    planned_lines: Iterable[PlannedLine],
    entries: Mapping[str, ManifestEntry],
    in_flight: Mapping[str, SentJob],
    selector: VoiceSelector,
) -> Iterator[LineState]:
    """The state of each line.

    Args:
        planned_lines: the script's lines with the voices that they get now.
        entries: of the manifest, by line.
        in_flight: the jobs in flight, by line.
        selector: knows the take keys of the other voice model.
    """
    for planned in planned_lines:
        entry = entries.get(planned.line.id)
        sent = in_flight.get(planned.line.id)
        if sent is not None:
            status_after_job = _change(planned, sent, sent.decided, selector) or LineStatus.DONE
            yield LineState(planned, LineStatus.IN_FLIGHT, status_after_job, entry)
        else:
            status = _status(planned, entry, selector)
            yield LineState(planned, status, status, entry)


def _status(planned: PlannedLine, entry: ManifestEntry | None, selector: VoiceSelector) -> LineStatus:
    if entry is None:
        return LineStatus.NEW
    change = _change(planned, entry, entry.voice_model or entry.decided, selector)
    if change is LineStatus.EDITED and is_spoken_otherwise(planned, entry):
        return LineStatus.VOICE_CHANGED
    return change or (LineStatus.DONE if entry.is_done else LineStatus.FAILED)


def is_spoken_otherwise(planned: PlannedLine, entry: ManifestEntry) -> bool:
    """Whether workers made another take of this very line than was asked of them, and not by a fallback."""
    return entry.asked == planned.key and not entry.fallback


def _change(
    planned: PlannedLine, made: ManifestEntry | SentJob, voice_model: VoiceModel, selector: VoiceSelector
) -> LineStatus | None:
    """What has changed since a voice model spoke the line, or since its job was sent."""
    # A take's key covers everything that changes the sound: an equal key means an unchanged line.
    if made.key != selector.key_for(planned, voice_model):
        return LineStatus.EDITED
    return None if made.decided is planned.decision.voice_model else LineStatus.VOICE_CHANGED


def line_of_job(job_id: str) -> str | None:
    """The line's id in the id of a batch's job, or of a further take of it; None if no batch made the id."""
    found = _JOB_ID.fullmatch(job_id)
    return found[1] if found else None


def next_job(planned: PlannedLine, entry: ManifestEntry | None) -> tuple[Job, SentJob]:
    """The next job of a line, and its record for the journal.

    The job's id is made of the line's id, the take's key and the number of the line's jobs. So two jobs of a batch have
    the same id only if they are the same job, and a completion can't be taken for that of the line before an edit.
    """
    made = entry.made + 1 if entry else 1
    mark = planned.key.rpartition("/")[2][:10]
    job_id = f"{planned.line.id}:{mark}" if made == 1 else f"{planned.line.id}:{mark}:{made}"
    sent = SentJob(
        line=planned.line.id,
        job_id=job_id,
        character=planned.job.character,
        made=made,
        key=planned.key,
        decided=planned.decision.voice_model,
        billed=planned.billed,
    )
    return planned.job.model_copy(update={"job_id": job_id}), sent
