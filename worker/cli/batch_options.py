"""The options of a run of `chirp-worker batch`."""

from dataclasses import dataclass
from pathlib import Path

from worker.batch.line_status import LineStatus
from worker.batch.voice_selection import VoicePreference


@dataclass(frozen=True)
class BatchOptions:
    """The options of a run.

    Attributes:
        voices: how voices are selected.
        wanted: lines with these statuses are made.
        strict: warnings stop the run too.
        leave_out: lines with errors are left out, and don't stop the run.
        budget: in US dollars at list price; None for no limit.
        yes: start without a question.
        dry_run: send nothing.
        download: the folder for the audio; None for no download.
        as_json: print one JSON document instead of tables.
    """

    voices: VoicePreference
    wanted: frozenset[LineStatus]
    strict: bool = False
    leave_out: bool = False
    budget: float | None = None
    yes: bool = False
    dry_run: bool = False
    download: Path | None = None
    as_json: bool = False
