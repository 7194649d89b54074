"""The options of a run of `chirp-worker batch`."""

from dataclasses import dataclass
from pathlib import Path

from schemas.enums import VoiceModel
from worker.batch.line_status import LineStatus
from worker.batch.voice_selection import VoicePreference


@dataclass(frozen=True, kw_only=True)
class SpendingOptions:
    """What a command may spend, and who confirms it.

    Attributes:
        budget: in US dollars at list price; None for no limit.
        cap: in US dollars at list price; nothing is sent that would bring what was really billed above it.
        yes: start without a question.
        dry_run: send nothing.
    """

    budget: float | None = None
    cap: float | None = None
    yes: bool = False
    dry_run: bool = False


@dataclass(frozen=True, kw_only=True)
class BatchOptions(SpendingOptions):
    """The options of a run.

    Attributes:
        voices: how voices are selected.
        wanted: lines with these statuses are made.
        takes: so many takes of each line that says no number; None for no candidates at all.
        strict: warnings stop the run too.
        leave_out: lines with errors are left out, and don't stop the run.
        download: the folder for the audio; None for no download.
        as_json: print one JSON document instead of tables.
    """

    voices: VoicePreference
    wanted: frozenset[LineStatus]
    takes: int | None = None
    strict: bool = False
    leave_out: bool = False
    download: Path | None = None
    as_json: bool = False


@dataclass(frozen=True, kw_only=True)
class RedoOptions(SpendingOptions):
    """The options of a redo.

    Attributes:
        lines: ids of lines.
        verdicts: the file with verdicts of more lines.
        takes: so many new takes of each line.
        voice_model: speaks the new takes; None for the voice model of each line's take.
        use: the new takes are chosen.
        download: the folder for the audio; None for no download.
        as_json: print one JSON document instead of tables.
    """

    lines: tuple[str, ...] = ()
    verdicts: Path | None = None
    takes: int = 1
    voice_model: VoiceModel | None = None
    use: bool = False
    download: Path | None = None
    as_json: bool = False
