"""Rules about lines beside others: the same text twice, and a line far longer than its neighbours. Pure."""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from worker.batch.scripts.model import Line

_NEIGHBOURS: Final = 10
"""Lines before and after, of the same file, that a line is compared with."""
_LEAST_NEIGHBOURS: Final = 6
_TIMES: Final = 3
_SHARE: Final = 0.9
"""The share of the neighbours that a long line is held against: one or two long ones don't hide it."""
_LEAST_LONG: Final = 300
"""Characters from which a line can be too long at all: some 20 seconds of speech."""


class LineFinding(NamedTuple):
    """A line, and what is found about it."""

    line: Line
    message: str


def find_repeated(lines: Sequence[Line]) -> Iterator[LineFinding]:
    """Lines with the words of an earlier line of the same character and language."""
    first_of: dict[tuple[str, str, str], Line] = {}
    for line in lines:
        words = line.job.text if line.job.text is not None else line.job.ssml
        said = " ".join((words or "").casefold().split())
        first = first_of.setdefault((line.job.character, line.job.language, said), line)
        if first is not line:
            yield LineFinding(line, f"says the same as {first.id!a} at {first.place}")


def find_longer(lines: Sequence[Line]) -> Iterator[LineFinding]:
    """Lines that are some times as long as what is usual around them: often two cells that became one."""
    lengths = [len(line.job.text or "") for line in lines]
    for index, line in enumerate(lines):
        if lengths[index] < _LEAST_LONG:
            continue
        around = range(max(0, index - _NEIGHBOURS), min(len(lines), index + _NEIGHBOURS + 1))
        others = [lengths[each] for each in around if each != index and lines[each].place.file == line.place.file]
        if len(others) < _LEAST_NEIGHBOURS:
            continue
        longest = sorted(others)[int(len(others) * _SHARE)]
        if lengths[index] > _TIMES * longest:
            message = (
                f"has {lengths[index]:,} characters, nine of ten neighbours at most {longest:,}: are these two lines?"
            )
            yield LineFinding(line, message)
