"""Candidates: takes of a line beside its own, one of which can be chosen. How they are named and kept. Pure.

A candidate is made as a line of its own, with an id made of the line's and the take's number. It stands in a second
manifest beside the script's, so that the line's own entry stays as it is until a choice changes it.
"""

import re
from dataclasses import replace
from typing import Final

from schemas.enums import VoiceModel
from worker.batch.scripts.model import Line

FOLDER: Final = "takes"
"""The folder of candidates' audio within that of `--download`. The lines' own audio lies one level higher."""
# A line's id has at most 110 characters: with ".t20", a mark and a number they fit into the 128 of a job's.
_ID: Final = re.compile(r"(.+)\.t([1-9][0-9]{0,6})", re.DOTALL)


def candidate_id(line_id: str, number: int) -> str:
    """The id of a line's candidate, such as `intro-2.t3`; also the name of its audio file."""
    return f"{line_id}.t{number}"


def parse_candidate_id(text: str) -> tuple[str, int] | None:
    """The line's id and the take's number; None for what is no candidate's id."""
    found = _ID.fullmatch(text)
    return (found[1], int(found[2])) if found else None


def candidate(line: Line, number: int, voice_model: VoiceModel) -> Line:
    """A take of a line as a line of its own.

    Args:
        voice_model: speaks it, unless the line names a voice.
    """
    changes = {"job_id": candidate_id(line.id, number), "take": number, "voice": line.job.voice or voice_model.value}
    return replace(line, job=line.job.model_copy(update=changes))
