"""How each line of a script stands: to be made, made, or made otherwise than it would be now. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from schemas.job import Job
from schemas.words import VoiceModel
from worker.batch.manifest import Entry, Sent
from worker.batch.voice_selection import VoicedLine, VoiceSelector


class LineStatus(StrEnum):
    """How a line stands.

    EDITED: it was made, and would sound otherwise now. UNDER_WAY: it was sent, and nothing was heard of it yet.
    VOICE_CHANGED: it is the same line, for which the rollout now decides another voice model.
    """

    NEW = "new"
    EDITED = "edited"
    UNDER_WAY = "under way"
    VOICE_CHANGED = "voice changed"
    FAILED = "failed"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class LineState:
    """A line with its voice.

    Attributes:
        cast: the line.
        standing: how it stands.
        then: how it will stand once its job under way has made it, as far as that job tells; without one, `standing`.
        entry: what the manifest says of it.
    """

    cast: VoicedLine
    standing: LineStatus
    then: LineStatus
    entry: Entry | None


def line_states(
    casts: Iterable[VoicedLine], entries: Mapping[str, Entry], under_way: Mapping[str, Sent], casting: VoiceSelector
) -> Iterator[LineState]:
    """How each line stands.

    Args:
        casts: the script's lines, each with the voice that it gets now.
        entries: of the manifest.
        under_way: the jobs under way, by the lines that they are of.
        casting: knows the takes of other voice models.
    """
    for cast in casts:
        entry = entries.get(cast.line.id)
        sent = under_way.get(cast.line.id)
        if sent is not None:
            then = _change(cast, sent, sent.decided, casting) or LineStatus.DONE
            yield LineState(cast, LineStatus.UNDER_WAY, then, entry)
        else:
            standing = _standing(cast, entry, casting)
            yield LineState(cast, standing, standing, entry)


def _standing(cast: VoicedLine, entry: Entry | None, casting: VoiceSelector) -> LineStatus:
    if entry is None:
        return LineStatus.NEW
    change = _change(cast, entry, entry.voice_model or entry.decided, casting)
    return change or (LineStatus.DONE if entry.is_done else LineStatus.FAILED)


def _change(cast: VoicedLine, made: Entry | Sent, voice_model: VoiceModel, casting: VoiceSelector) -> LineStatus | None:
    """What has changed since a line was made, or sent, by a voice model."""
    # A take's key is made of everything that changes the sound: it tells whether the line is still the same.
    if made.key != casting.key_by(cast, voice_model):
        return LineStatus.EDITED
    return None if made.decided is cast.decision.voice_model else LineStatus.VOICE_CHANGED


def next_job(cast: VoicedLine, entry: Entry | None) -> tuple[Job, Sent]:
    """The job that makes a line, and what is noted of it.

    Its id is made of the line's, of the take's key and of how often the line was made: two jobs of a batch share one
    only if they are the same, and a completion is told from that of the line before it was edited.
    """
    made = entry.made + 1 if entry else 1
    mark = cast.key.rpartition("/")[2][:10]
    job_id = f"{cast.line.id}:{mark}" if made == 1 else f"{cast.line.id}:{mark}:{made}"
    sent = Sent(
        line=cast.line.id,
        job_id=job_id,
        character=cast.job.character,
        made=made,
        key=cast.key,
        decided=cast.decision.voice_model,
    )
    return cast.job.model_copy(update={"job_id": job_id}), sent
