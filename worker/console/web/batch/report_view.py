"""A script's report as a page shows it: a hundred lines by scene, each with its takes to be heard and judged. Pure."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from schemas.enums import AudioEncoding, VoiceModel
from schemas.errors import UsageError
from schemas.verdict import Verdict
from worker.batch.report.published import ReportDocument, ReportedLine
from worker.console.web.batch.runs import JudgedLine
from worker.storage.takes import EXTENSIONS

LINES_PER_PAGE: Final = 100
SHOWS: Final[Mapping[str, Callable[[ReportedLine], bool]]] = {
    "all": lambda _: True,
    "findings": lambda row: bool(row.findings),
    "outliers": lambda row: bool(row.outliers),
    "takes": lambda row: bool(row.takes),
}
"""Which lines are shown, by the name in an address."""
_ENCODINGS: Final = {extension: encoding for encoding, extension in EXTENSIONS.items()}


@dataclass(frozen=True)
class TakeAudio:
    """A take's key; `encoding` is None where its name says none."""

    key: str
    encoding: AudioEncoding | None


@dataclass(frozen=True)
class ShownTake:
    """A take of a line, its `seconds`, and the form of a verdict on it.

    Attributes:
        number: of a take beside the line's own; None for that.
    """

    number: int | None
    seconds: float | None
    model: VoiceModel | None
    audio: TakeAudio | None
    judged: JudgedLine | None


@dataclass(frozen=True)
class ShownLine:
    """A line and its takes, its own first."""

    row: ReportedLine
    takes: tuple[ShownTake, ...]


@dataclass(frozen=True)
class ShownPart:
    """What one page shows of a report.

    Attributes:
        scenes: lines by scene, in the script's order: a scene may come more than once.
        counts: how many lines each of `SHOWS` has.
        number: of the page, 1 and up.
        pages: how many there are.
    """

    scenes: Sequence[tuple[str, Sequence[ShownLine]]]
    counts: Mapping[str, int]
    number: int
    pages: int


def page_with(document: ReportDocument, line: str) -> str:
    """The number of the page on which a line stands among all lines.

    Raises:
        UsageError: there is no such line.
    """
    for index, row in enumerate(document.rows):
        if row.line == line:
            return str(index // LINES_PER_PAGE + 1)
    raise UsageError(f"line={line[:100]!a}: the report has no such line")


def part_of(document: ReportDocument, verdicts: Mapping[str, Verdict], *, show: str, page: str) -> ShownPart:
    """One page of a report.

    Args:
        verdicts: the last one on each line of the script.
        show: a name of `SHOWS`.
        page: its number, as an address has it.

    Raises:
        UsageError: there is no such page, or no such name.
    """
    if show not in SHOWS:
        raise UsageError(f"show={show[:100]!a}: allowed is {', '.join(SHOWS)}")
    counts = {name: sum(map(is_shown, document.rows)) for name, is_shown in SHOWS.items()}
    pages = max(1, -(-counts[show] // LINES_PER_PAGE))
    number = int(page) if page.isascii() and page.isdigit() and len(page) < len(str(2**31)) else 0
    if not 1 <= number <= pages:
        raise UsageError(f"page={page[:100]!a}: allowed is 1 to {pages}")
    rows = [row for row in document.rows if SHOWS[show](row)][(number - 1) * LINES_PER_PAGE : number * LINES_PER_PAGE]
    scenes = [
        (scene, [ShownLine(row, tuple(_takes(document.script, row, verdicts))) for row in of_scene])
        for scene, of_scene in groupby(rows, lambda row: row.scene)
    ]
    return ShownPart(scenes, counts, number, pages)


def _takes(script: str, row: ReportedLine, verdicts: Mapping[str, Verdict]) -> Iterable[ShownTake]:
    last = verdicts.get(row.line)
    own = JudgedLine(script, row.line, row.character, row.sha256, "", last) if row.sha256 else None
    yield ShownTake(None, row.seconds, row.model, _audio(row.audio), own)
    for each in row.takes:
        judged = JudgedLine(script, row.line, row.character, each.sha256, str(each.take), last)
        yield ShownTake(each.take, each.seconds, each.model, _audio(each.audio), judged)


def _audio(key: str | None) -> TakeAudio | None:
    # A digest has no dot, and `mulaw.wav` is one ending.
    return None if key is None else TakeAudio(key, _ENCODINGS.get(key.rpartition("/")[2].partition(".")[2]))
