"""What is asked of a run of `chirp-worker batch`."""

from dataclasses import dataclass
from pathlib import Path

from worker.batch.line_status import LineStatus
from worker.batch.voice_selection import VoicePreference


@dataclass(frozen=True)
class BatchOptions:
    """The options of a run.

    Attributes:
        wish: how lines are cast.
        wanted: which standings are made.
        strict: warnings stop it too.
        leave_out: lines with errors are left out.
        budget: in dollars at list price; None for no limit.
        yes: nobody is asked.
        dry_run: nothing is sent.
        download: where the audio goes; None for nowhere.
        as_json: one document instead of tables.
    """

    wish: VoicePreference
    wanted: frozenset[LineStatus]
    strict: bool = False
    leave_out: bool = False
    budget: float | None = None
    yes: bool = False
    dry_run: bool = False
    download: Path | None = None
    as_json: bool = False
