"""Plans `batch redo`: which lines get another take, and which number it has. Pure."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from schemas.enums import VerdictChoice, VoiceModel
from schemas.errors import UsageError
from schemas.verdict import LineVerdict
from worker.batch.candidates import candidate, candidate_id, parse_candidate_id
from worker.batch.entry import ManifestEntry
from worker.batch.known_takes import KnownTakes
from worker.batch.scripts.model import MOST_TAKES, Line


@dataclass(frozen=True)
class Rejected:
    """A line whose reading was rejected.

    Attributes:
        verdict: what the verdict is known by, so that it is served once; empty without a verdict.
        served: the number of the take that was made for the verdict already; None for none.
    """

    line: Line
    verdict: str = ""
    served: int | None = None


@dataclass(frozen=True)
class LastRedo:
    """What the journal knows of earlier redos.

    Attributes:
        asked: ids of the candidates of one that didn't come to its end; none after one that did.
        served: what the verdict is known by that a candidate was made for, by candidate.
        in_flight: candidates with a job in flight.
    """

    asked: Collection[str]
    served: Mapping[str, str]
    in_flight: Collection[str]


def rejected_lines(wanted: Iterable[str], lines: Mapping[str, Line], known: KnownTakes) -> list[Rejected]:
    """The lines that were named.

    Raises:
        UsageError: one is no line of the script, or has no take that could be redone; the message says what to do.
    """
    return [Rejected(_with_take(line_id, lines, known)) for line_id in dict.fromkeys(wanted)]


def _with_take(line_id: str, lines: Mapping[str, Line], known: KnownTakes) -> Line:
    line = lines.get(line_id)
    if line is None:
        raise UsageError(f"{line_id!a} is no line of the script; `chirp-worker batch status --json` lists its lines")
    own = known.own.get(line_id)
    if own is None:
        raise UsageError(f"{line_id!a} was never made: run `chirp-worker batch` first")
    if not own.is_done:
        raise UsageError(f"{line_id!a} has no audio: `chirp-worker batch retry` tries it again")
    if known.own_take(line) is None:
        raise UsageError(
            f"{line_id!a} was edited since it was made: run `chirp-worker batch`, with --remake for its voice"
        )
    return line


def rejected_by_verdicts(
    verdicts: Mapping[str, LineVerdict], lines: Mapping[str, Line], known: KnownTakes, last: LastRedo
) -> tuple[list[Rejected], list[str]]:
    """The lines that verdicts want redone, and a sentence about each that isn't."""
    found: list[Rejected] = []
    sentences: list[str] = []
    for line_id, verdict in verdicts.items():
        if verdict.verdict is not VerdictChoice.REDO:
            continue
        try:
            line = _with_take(line_id, lines, known)
        except UsageError as error:
            sentences.append(f"left as it is: {error}")
            continue
        mark = " ".join(filter(None, (verdict.sha256, verdict.at.isoformat() if verdict.at else None)))
        if verdict.sha256 is not None and verdict.sha256 not in _heard(line, known):
            sentences.append(f"left as it is: {line_id!a} has changed since it was heard")
        else:
            found.append(Rejected(line, mark, _served(line, mark, known, last) if mark else None))
    return found, sentences


def _heard(line: Line, known: KnownTakes) -> set[str | None]:
    """The SHA-256 of all takes of a line."""
    return {entry.sha256 for entry in (known.own_take(line), *_candidates(line, known).values()) if entry is not None}


def _candidates(line: Line, known: KnownTakes) -> dict[int, ManifestEntry]:
    numbers = range(1, MOST_TAKES + 1)
    return {number: entry for number in numbers if (entry := known.candidate(line, number)) is not None}


def _served(line: Line, mark: str, known: KnownTakes, last: LastRedo) -> int | None:
    """The number of the take that was made for a verdict."""
    numbers = [number for number in _candidates(line, known) if last.served.get(candidate_id(line.id, number)) == mark]
    return max(numbers, default=None)


def unserved(rejected: Iterable[Rejected], count: int, last: LastRedo) -> tuple[list[Rejected], list[str]]:
    """The lines without those whose verdict has been served, and a sentence about each of these.

    A redo that goes on keeps all of its lines: those of its takes that are made are part of its result.

    Args:
        count: of new takes for each line.
    """
    lines = list(rejected)
    if continued_numbers(lines, count, last) is not None:
        return lines, []
    sentences = [
        f"left as it is: for this verdict {each.line.id!a} has got take {each.served} already"
        for each in lines
        if each.served is not None
    ]
    return [each for each in lines if each.served is None], sentences


def continued_numbers(rejected: Iterable[Rejected], count: int, last: LastRedo) -> dict[str, list[int]] | None:
    """The numbers of the takes that a redo of the same lines was to make, and didn't come to its end; None for none.

    Args:
        count: of new takes for each line.
    """
    numbers: dict[str, list[int]] = {}
    for line, number in filter(None, map(parse_candidate_id, last.asked)):
        numbers.setdefault(line, []).append(number)
    is_same = numbers.keys() == {each.line.id for each in rejected}
    return numbers if is_same and all(len(each) == count for each in numbers.values()) else None


def next_numbers(line: Line, known: KnownTakes, stored: Collection[int], last: LastRedo, count: int) -> list[int]:
    """The numbers of a line's next takes: above all that are known.

    A take that has a job in flight, or failed, isn't one yet: it is the next one.

    Args:
        stored: the numbers that the store has.

    Raises:
        UsageError: the line has as many takes as are made.
    """
    own = known.own_take(line)
    waiting = {number for number in stored if candidate_id(line.id, number) in last.in_flight}
    taken = {line.job.take, own.take if own else 0, *_candidates(line, known), *(set(stored) - waiting)}
    first = max(taken) + 1
    if first + count - 1 > MOST_TAKES:
        raise UsageError(
            f"{line.id!a} has take {first - 1}, and {MOST_TAKES} is the highest number: choose one of its takes, or "
            "edit the line, which then begins anew"
        )
    return list(range(first, first + count))


def new_candidates(
    rejected: Iterable[Rejected], numbers: Mapping[str, Sequence[int]], known: KnownTakes, model: VoiceModel | None
) -> list[Line]:
    """The candidates to make.

    Args:
        numbers: of the takes, by line.
        model: speaks all of them; None for the model of each line's take.
    """
    return [
        candidate(each.line, number, chosen)
        for each in rejected
        for number in numbers[each.line.id]
        if (chosen := model or known.model(each.line)) is not None
    ]
