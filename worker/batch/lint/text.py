"""Applies the rules to one text: findings, and the text as `fix` leaves it. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from worker.batch.lint.model import HIDDEN, Level, Match, Spoken, TextRule, signs_of

Rules = Sequence[tuple[TextRule, Level]]
# A fix may uncover what another rule mends: `&lt;b&gt;`. Each fix but a few of Unicode's oddities shortens the text or
# leaves nothing of its kind, so that two or three rounds are the rule.
_MOST_ROUNDS: Final = 20
_SHOWN: Final = 3
_SHOWN_CHARACTERS: Final = 40
_CLOSING: Final = frozenset(".,!?;:…，。！？；：、")


@dataclass(frozen=True, slots=True)
class TextFinding:
    """What a rule found in a text; `after` is None unless it was mended."""

    rule: str
    level: Level
    message: str
    before: str = ""
    after: str | None = None


@dataclass(slots=True)
class LintedText:
    """A text after its fixes, with the findings and the labels that keep what was stripped."""

    text: str
    findings: list[TextFinding] = field(default_factory=list)
    labels: dict[str, str] = field(default_factory=dict)


def lint_text(text: str, spoken: Spoken, rules: Rules) -> LintedText:
    """Finds and mends.

    Args:
        rules: with their levels, in the order in which they look at a text; the first to find a piece has it.
    """
    linted = LintedText(text)
    for _ in range(_MOST_ROUNDS):
        before = linted.text
        remaining = list(_round(linted, spoken, rules))
        if linted.text == before:
            break
    linted.findings += remaining
    return linted


def _round(linted: LintedText, spoken: Spoken, rules: Rules) -> Iterator[TextFinding]:
    """Mends what it can, and yields the findings that stay."""
    visible = linted.text
    signs = signs_of(visible)
    for rule, level in rules:
        if rule.needs and signs.isdisjoint(rule.needs):
            continue
        found = list(rule.find(visible, spoken))
        if not found:
            continue
        matches = list(_apart(found))
        mended = [each for each in matches if level is Level.FIX and each.replacement is not None]
        left = [each for each in matches if each not in mended]
        if left:
            yield TextFinding(rule.name, Level.WARN if level is Level.FIX else level, _message(rule, linted.text, left))
            visible = _hide(visible, left)
        if mended:
            before = linted.text
            message = _message(rule, before, mended)
            edits = [_tidy(visible, each) for each in mended]
            linted.text, visible = _edit(before, edits), _edit(visible, edits)
            linted.findings.append(TextFinding(rule.name, level, message, before, linted.text))
            # A fix may write what the text didn't have.
            signs = signs_of(visible)
            _keep(linted.labels, rule, mended)


def _apart(matches: Iterable[Match]) -> Iterator[Match]:
    """The matches without those that overlap an earlier one."""
    end = 0
    for each in sorted(matches, key=lambda match: (match.start, -match.end)):
        if each.start >= end:
            yield each
            end = each.end


def _hide(text: str, matches: Sequence[Match]) -> str:
    pieces, position = [], 0
    for each in matches:
        pieces += [text[position : each.start], HIDDEN * (each.end - each.start)]
        position = each.end
    return "".join([*pieces, text[position:]])


def _tidy(text: str, match: Match) -> Match:
    """The match, with the blanks that nobody needs once it is gone."""
    start, end = match.start, match.end
    if match.replacement:
        return match
    while end < len(text) and text[end].isspace() and (start == 0 or text[start - 1].isspace()):
        end += 1
    while start and text[start - 1].isspace() and (end == len(text) or text[end] in _CLOSING):
        start -= 1
    return Match(start, end, replacement="")


def _edit(text: str, edits: Sequence[Match]) -> str:
    pieces, position = [], 0
    for each in edits:
        # Two edits may share the blank between them.
        pieces += [text[position : max(position, each.start)], each.replacement or ""]
        position = max(position, each.end)
    return "".join([*pieces, text[position:]])


def _message(rule: TextRule, text: str, matches: Sequence[Match]) -> str:
    shown = [_describe(text[each.start : each.end], each.reading) for each in matches[:_SHOWN]]
    more = f" and {len(matches) - _SHOWN} more" if len(matches) > _SHOWN else ""
    return f"{', '.join(shown)}{more}: {rule.says}"


def _describe(piece: str, reading: str) -> str:
    plain = " ".join(piece.split()) if piece.strip() else piece
    short = plain if len(plain) <= _SHOWN_CHARACTERS else f"{plain[:_SHOWN_CHARACTERS]}…"
    # Signs that nobody sees are shown by their code.
    shown = "".join(each if each.isprintable() else f"U+{ord(each):04X}" for each in short)
    return f"“{shown}” → “{reading}”" if reading else f"“{shown}”"


def _keep(labels: dict[str, str], rule: TextRule, matches: Sequence[Match]) -> None:
    kept = [each.kept for each in matches if each.kept]
    if rule.label and kept:
        labels[rule.label] = "; ".join([*filter(None, [labels.get(rule.label)]), *kept])


def with_labels(labels: Mapping[str, str], added: Mapping[str, str], *, most: int, longest: int) -> dict[str, str]:
    """The labels of a line with those that a fix adds; its own win, and a job's limits hold.

    Args:
        most: labels that a job may have.
        longest: characters of a label.
    """
    both = dict(labels)
    for name, value in added.items():
        if len(both) < most:
            both.setdefault(name, value[:longest])
    return both
