"""What a request's input says, as a list of things to say and pauses to keep."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from xml.etree.ElementTree import ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

if TYPE_CHECKING:
    from collections.abc import Iterator
    from xml.etree.ElementTree import Element

# Google gives no lengths for these; plausible ones.
_MARKUP_PAUSES = {"[pause short]": 0.25, "[pause]": 0.6, "[pause long]": 1.2}
_BREAK_STRENGTHS = {"none": 0.0, "x-weak": 0.1, "weak": 0.25, "medium": 0.5, "strong": 0.75, "x-strong": 1.0}
_RATES = {"x-slow": 0.5, "slow": 0.75, "medium": 1.0, "fast": 1.25, "x-fast": 1.5}
_PITCHES_ST = {"x-low": -8.0, "low": -4.0, "medium": 0.0, "high": 4.0, "x-high": 8.0}
_LONGEST_BREAK_S = 10.0
_BETWEEN_PARAGRAPHS_S = 0.4
# SSML that the chirp3-hd voices know; they pass over every other tag without a word.
_CHIRP_TAGS = frozenset({"speak", "say-as", "p", "s", "phoneme", "sub", "break", "prosody"})

_MARKUP_PAUSE = re.compile(r"(\[pause short\]|\[pause\]|\[pause long\])")
# A full stop ends a sentence only before a space ("3.14" has none); its Chinese sister does so anywhere.
_SENTENCE_END = re.compile(
    r"(?:(?<=[.!?…])|(?<=[.!?…][\"'”’)]))\s+|(?<=[。！？])(?![。！？」』”’])|(?<=[。！？][」』”’])|\n+"
)


@dataclass(frozen=True, slots=True)
class Say:
    """Words, with what SSML's prosody asks of them."""

    text: str
    rate: float = 1.0
    pitch_st: float = 0.0


@dataclass(frozen=True, slots=True)
class Pause:
    """Silence."""

    seconds: float


Script = tuple[Say | Pause, ...]


class SsmlError(ValueError):
    """The input is no SSML document; the message says where."""


def sentences(text: str) -> list[str]:
    """The sentences of a text, none of them blank."""
    return [part.strip() for part in _SENTENCE_END.split(text) if part.strip()]


def script_of_markup(markup: str) -> Script:
    """Pause tags become silence; whatever else stands in brackets is read aloud, as by Google."""
    parts = (part for part in _MARKUP_PAUSE.split(markup) if part.strip())
    return tuple(Pause(_MARKUP_PAUSES[part]) if part in _MARKUP_PAUSES else Say(part) for part in parts)


def script_of_ssml(ssml: str, *, chirp: bool) -> Script:
    """What an SSML document says.

    Raises:
        SsmlError: it isn't well-formed, its root isn't <speak>, or an attribute makes no sense.
    """
    try:
        root = fromstring(ssml)
    except (ParseError, DefusedXmlException) as error:
        message = f"not well-formed: {error}"
        raise SsmlError(message) from error
    if _tag(root) != "speak":
        message = f"the root element is <{_tag(root)}>, not <speak>"
        raise SsmlError(message)
    return tuple(_merged(_inside(root, Say(""), chirp=chirp)))


def _tag(element: Element) -> str:
    return str(element.tag).rpartition("}")[2]


def _inside(element: Element, manner: Say, *, chirp: bool) -> Iterator[Say | Pause]:
    if element.text:
        yield replace(manner, text=element.text)
    for child in element:
        yield from _element(child, manner, chirp=chirp)
        if child.tail:
            yield replace(manner, text=child.tail)


def _element(element: Element, manner: Say, *, chirp: bool) -> Iterator[Say | Pause]:
    tag = _tag(element)
    if chirp and tag not in _CHIRP_TAGS:
        yield from _inside(element, manner, chirp=chirp)
    elif tag == "break":
        yield Pause(_break_seconds(element))
    elif tag == "sub":
        yield replace(manner, text=element.get("alias", ""))
    elif tag == "say-as" and element.get("interpret-as") in ("characters", "verbatim", "spell-out"):
        yield replace(manner, text=" ".join("".join(element.itertext())))
    elif tag == "prosody":
        rate = manner.rate * _rate(element.get("rate", "medium"))
        pitch_st = manner.pitch_st + _pitch_st(element.get("pitch", "medium"))
        yield from _inside(element, replace(manner, rate=rate, pitch_st=pitch_st), chirp=chirp)
    elif tag in ("p", "s"):
        yield Pause(0.0)
        yield from _inside(element, manner, chirp=chirp)
        yield Pause(_BETWEEN_PARAGRAPHS_S if tag == "p" else 0.0)
    elif tag != "desc":
        yield from _inside(element, manner, chirp=chirp)


def _merged(parts: Iterator[Say | Pause]) -> Iterator[Say | Pause]:
    """Joins words that a tag without effect has parted, so that they are one sentence again."""
    held: Say | None = None
    for part in parts:
        if isinstance(part, Say) and held and (held.rate, held.pitch_st) == (part.rate, part.pitch_st):
            held = replace(held, text=held.text + part.text)
            continue
        if held and held.text.strip():
            yield held
        held = part if isinstance(part, Say) else None
        if isinstance(part, Pause):
            yield part
    if held and held.text.strip():
        yield held


def _number(value: str, unit: str) -> float:
    try:
        return float(value.removesuffix(unit))
    except ValueError as error:
        message = f"{value!r} is no number with the unit {unit!r}"
        raise SsmlError(message) from error


def _break_seconds(element: Element) -> float:
    time = element.get("time")
    if time is None:
        return _BREAK_STRENGTHS.get(element.get("strength", "medium"), 0.5)
    seconds = _number(time, "ms") / 1000 if time.endswith("ms") else _number(time, "s")
    return min(max(seconds, 0.0), _LONGEST_BREAK_S)


def _rate(value: str) -> float:
    if value in _RATES:
        return _RATES[value]
    rate = _number(value, "%") / 100 if value.endswith("%") else _number(value, "")
    return min(max(rate, 0.25), 4.0)


def _pitch_st(value: str) -> float:
    if value in _PITCHES_ST:
        return _PITCHES_ST[value]
    # A percentage is one of the frequency; 6 % are about a semitone.
    shift = _number(value, "%") / 6 if value.endswith("%") else _number(value, "st")
    return min(max(shift, -20.0), 20.0)
