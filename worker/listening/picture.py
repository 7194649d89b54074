"""Draws the results as one SVG: each character's share of "preferred or equal" over its votes, and its bound. Pure.

No style stands in it: attributes colour it where it stands alone, and a page's style sheet may overrule them by class.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from xml.sax.saxutils import escape, quoteattr  # writes XML

from worker.listening.results import CharacterResult, Criterion
from worker.rollout.analysis.preferences import Decision

_COLUMNS: Final = 3
_WIDTH, _HEIGHT = 300, 170
_LEFT, _TOP, _RIGHT, _BOTTOM = 34, 30, 10, 22
_QUIET: Final = 'class="quiet" fill="#5b6570" text-anchor="end"'
_COLOURS: Final = {Decision.NO_WORSE: "#1d7a3d", Decision.WORSE: "#b3261e", Decision.OPEN: "#8a6100"}


@dataclass(frozen=True)
class Words:
    """What the picture says beside figures, in the reader's language.

    Attributes:
        title: of the picture.
        verdicts: by the decisions' values.
        votes: with a field `n`.
    """

    title: str
    verdicts: dict[str, str]
    votes: str


ENGLISH: Final = Words(
    "Preferred or equal over the votes, with its lower bound",
    {each.value: each.value for each in Decision},
    "{n} votes",
)


def draw_results(results: Sequence[CharacterResult], criterion: Criterion, words: Words = ENGLISH) -> str:
    """The picture as an SVG document."""
    rows = -(-len(results) // _COLUMNS) or 1
    width, height = _WIDTH * min(_COLUMNS, max(1, len(results))), _HEIGHT * rows
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" class="results" viewBox="0 0 {width} {height}" width="{width}" '
            f'height="{height}" role="img" aria-label={quoteattr(words.title)} font-family="sans-serif" font-size="12">'
        ),
        f'<rect class="paper" width="{width}" height="{height}" fill="#ffffff"/>',
    ]
    for index, each in enumerate(results):
        x, y = index % _COLUMNS * _WIDTH, index // _COLUMNS * _HEIGHT
        parts.append(f'<g transform="translate({x} {y})">{_panel(each, criterion, words)}</g>')
    return "".join(parts) + "</svg>"


def _panel(result: CharacterResult, criterion: Criterion, words: Words) -> str:
    last = max(criterion.planned, result.votes)
    right, bottom = _WIDTH - _RIGHT, _HEIGHT - _BOTTOM

    def across(votes: float) -> str:
        return f"{_LEFT + votes / last * (right - _LEFT):.1f}"

    def up(share: float) -> str:
        return f"{bottom - share * (bottom - _TOP):.1f}"

    verdict = words.verdicts[result.decision.value]
    lines = [
        _text(_LEFT, 18, result.character, 'class="ink" fill="#1b1f24" font-weight="700"'),
        _text(
            right, 18, verdict, f'class="{_name(result.decision)}" fill="{_COLOURS[result.decision]}" text-anchor="end"'
        ),
        f'<path class="axis" d="M{_LEFT} {_TOP}V{bottom}H{right}" fill="none" stroke="#9aa4af"/>',
        (
            f'<path class="limit" d="M{_LEFT} {up(criterion.margin)}H{right}" fill="none" stroke="#b3261e" '
            'stroke-dasharray="4 3"/>'
        ),
    ]
    lines += [_text(_LEFT - 5, float(up(share)) + 4, f"{share:.0%}", _QUIET) for share in (0.0, criterion.margin, 1.0)]
    lines.append(_text(right, _HEIGHT - 6, words.votes.format(n=last), _QUIET))
    if result.over_votes:
        shares = " ".join(f"{across(n)},{up(share)}" for n, (share, _) in enumerate(result.over_votes, start=1))
        # The bound rises at a vote, and stays until the next one.
        steps = [f"M{across(0)} {up(0)}"]
        steps += [f"H{across(n)}V{up(bound)}" for n, (_, bound) in enumerate(result.over_votes, start=1)]
        lines += [
            f'<path class="bound" d="{"".join(steps)}" fill="none" stroke="#8a6100" stroke-width="1.5"/>',
            f'<polyline class="share" points="{shares}" fill="none" stroke="#0a58ca" stroke-width="2"/>',
            f'<circle class="end" cx="{across(result.votes)}" cy="{up(result.share)}" r="3" fill="#0a58ca"/>',
        ]
    return "".join(lines)


def _text(x: float, y: float, text: str, attributes: str) -> str:
    return f'<text x="{x:g}" y="{y:g}" {attributes}>{escape(text)}</text>'


def _name(decision: Decision) -> str:
    return {Decision.NO_WORSE: "good", Decision.WORSE: "bad", Decision.OPEN: "warn"}[decision]
