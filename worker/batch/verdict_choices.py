"""Which takes verdicts choose, beside the choices that a script's file has already. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from schemas.enums import VerdictChoice
from schemas.verdict import LineVerdict
from worker.batch.choice import Choice
from worker.batch.scripts.model import Line
from worker.batch.takes_of_line import LineTake


@dataclass
class NewChoices:
    """What is to be written, and what isn't.

    Attributes:
        chosen: the new choices, by line.
        by_hand: lines whose choice was written by hand, which stays.
        sentences: about verdicts that choose nothing.
    """

    chosen: dict[str, Choice] = field(default_factory=dict)
    by_hand: list[str] = field(default_factory=list)
    sentences: list[str] = field(default_factory=list)

    def add(self, line: str, present: Choice | None, new: Choice, at: datetime | None) -> None:
        """Adds a choice, unless the file's own was written by hand, is the same, or is later."""
        if present is not None and present.take == new.take:
            return
        if present is not None and present.is_by_hand:
            self.by_hand.append(line)
        elif present is None or at is None or not present.is_after(at):
            self.chosen[line] = new


def choices_of_verdicts(
    verdicts: Mapping[str, LineVerdict],
    lines: Mapping[str, Line],
    takes: Mapping[str, Sequence[LineTake]],
    present: Mapping[str, Choice],
) -> NewChoices:
    """The choices that verdicts make: of a take that they name, else of the one that was heard and accepted.

    Args:
        lines: of the script, with the takes that are used now.
        takes: of each line.
        present: the choices of the script's file.
    """
    found = NewChoices()
    for line_id, verdict in verdicts.items():
        if verdict.take is None and verdict.verdict is not VerdictChoice.ACCEPT:
            continue
        if line_id not in lines:
            found.sentences.append(f"left as it is: {line_id!a} is no line of the script")
            continue
        heard = {each.entry.sha256: each.number for each in takes.get(line_id, ())}
        if verdict.sha256 is not None and verdict.sha256 not in heard:
            found.sentences.append(f"left as it is: {line_id!a} has changed since it was heard")
            continue
        number = verdict.take if verdict.take is not None else heard.get(verdict.sha256)
        if number is None or number == lines[line_id].job.take:
            continue
        at = verdict.at.isoformat(timespec="seconds") if verdict.at else ""
        found.add(line_id, present.get(line_id), Choice(number, verdict.by, at), verdict.at)
    return found
