"""Parses SSML and markup into spoken text and pauses. Pure."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

# Plausible lengths in seconds; Google documents none.
_MARKUP_PAUSES = {"[pause short]": 0.25, "[pause]": 0.6, "[pause long]": 1.2}
_BREAK_STRENGTHS = {"none": 0.0, "x-weak": 0.1, "weak": 0.25, "medium": 0.5, "strong": 0.75, "x-strong": 1.0}
_RATES = {"x-slow": 0.5, "slow": 0.75, "medium": 1.0, "fast": 1.25, "x-fast": 1.5}
_PITCHES_ST = {"x-low": -8.0, "low": -4.0, "medium": 0.0, "high": 4.0, "x-high": 8.0}
_LONGEST_BREAK_S = 10.0
# The phonetic alphabets of other languages than Chinese, and of Chinese, by whether the language is Chinese.
_ALPHABETS = {False: frozenset({"ipa", "x-sampa"}), True: frozenset({"pinyin", "jyutping"})}
_BETWEEN_PARAGRAPHS_S = 0.4
# The SSML tags that chirp3-hd voices support; they ignore all others silently.
_CHIRP_TAGS = frozenset({"speak", "say-as", "p", "s", "phoneme", "sub"})

_MARKUP_PAUSE = re.compile(r"(\[pause short\]|\[pause\]|\[pause long\])")
# Google knows many more abbreviations.
_ABBREVIATIONS = ("Mr", "Mrs", "Ms", "Dr", "St", "No", "Sgt", "Lt", "Capt", "Col", "Gen", "Prof", "vs", "[A-Z]")
_NO_ABBREVIATION = "".join(rf"(?<!\b{abbreviation}\.)" for abbreviation in _ABBREVIATIONS)
# A full stop ends a sentence only before a space ("3.14" has none) and not in an abbreviation; a Chinese one anywhere.
_SENTENCE_END = re.compile(
    rf"(?:(?<=[.!?…।]){_NO_ABBREVIATION}|(?<=[.!?…।][\"'”’)]))\s+"
    r"|(?<=[。！？])(?![。！？」』”’])|(?<=[。！？][」』”’])|\n+"
)


@dataclass(frozen=True, slots=True)
class SpokenText:
    """Text to speak, with the rate and pitch that SSML's prosody element sets."""

    text: str
    rate: float = 1.0
    pitch_st: float = 0.0


@dataclass(frozen=True, slots=True)
class Pause:
    """Silence between texts."""

    seconds: float


ParsedInput = tuple[SpokenText | Pause, ...]


class SsmlError(ValueError):
    """The input is not valid SSML; the message says where."""


def sentences(text: str) -> list[str]:
    """Returns the sentences of a text without blank ones."""
    return [part.strip() for part in _SENTENCE_END.split(text) if part.strip()]


def parse_markup(markup: str) -> ParsedInput:
    """Parses markup. Pause tags become pauses; any other bracketed text is read aloud, as Google does."""
    parts = (part for part in _MARKUP_PAUSE.split(markup) if part.strip())
    return tuple(Pause(_MARKUP_PAUSES[part]) if part in _MARKUP_PAUSES else SpokenText(part) for part in parts)


def parse_ssml(ssml: str, *, chirp: bool, chinese: bool = False) -> ParsedInput:
    """Parses an SSML document.

    Raises:
        SsmlError: it is not well-formed, its root is not <speak>, an attribute is invalid, or a phoneme is in
            an alphabet that the language doesn't have.
    """
    try:
        root = fromstring(ssml)
    except (ParseError, DefusedXmlException) as error:
        raise SsmlError(f"not well-formed: {error}") from error
    if _tag(root) != "speak":
        raise SsmlError(f"the root element is <{_tag(root)}>, not <speak>")
    for element in root.iter():
        alphabet = element.get("alphabet", "")
        if _tag(element) == "phoneme" and alphabet in _ALPHABETS[not chinese]:
            raise SsmlError(f"the phoneme alphabet {alphabet!r} is not supported for the language of the voice")
    return tuple(_join_texts(_content(root, SpokenText(""), chirp=chirp)))


def _tag(element: Element) -> str:
    return str(element.tag).rpartition("}")[2]


def _content(element: Element, style: SpokenText, *, chirp: bool) -> Iterator[SpokenText | Pause]:
    if element.text:
        yield replace(style, text=element.text)
    for child in element:
        yield from _element(child, style, chirp=chirp)
        if child.tail:
            yield replace(style, text=child.tail)


def _element(element: Element, style: SpokenText, *, chirp: bool) -> Iterator[SpokenText | Pause]:
    tag = _tag(element)
    if chirp and tag not in _CHIRP_TAGS:
        yield from _content(element, style, chirp=chirp)
    elif tag == "break":
        yield Pause(_break_seconds(element))
    elif tag == "sub":
        yield replace(style, text=element.get("alias", ""))
    elif tag == "say-as" and element.get("interpret-as") in ("characters", "verbatim", "spell-out"):
        yield replace(style, text=" ".join("".join(element.itertext())))
    elif tag == "prosody":
        rate = style.rate * _rate(element.get("rate", "medium"))
        pitch_st = style.pitch_st + _pitch_st(element.get("pitch", "medium"))
        yield from _content(element, replace(style, rate=rate, pitch_st=pitch_st), chirp=chirp)
    elif tag in ("p", "s"):
        yield Pause(0.0)
        yield from _content(element, style, chirp=chirp)
        yield Pause(_BETWEEN_PARAGRAPHS_S if tag == "p" else 0.0)
    elif tag != "desc":
        yield from _content(element, style, chirp=chirp)


def _join_texts(parts: Iterator[SpokenText | Pause]) -> Iterator[SpokenText | Pause]:
    """Joins neighbouring texts of equal rate and pitch: an ignored tag must not split a sentence."""
    pending: SpokenText | None = None
    for part in parts:
        if isinstance(part, SpokenText) and pending and (pending.rate, pending.pitch_st) == (part.rate, part.pitch_st):
            pending = replace(pending, text=pending.text + part.text)
            continue
        if pending and pending.text.strip():
            yield pending
        pending = part if isinstance(part, SpokenText) else None
        if isinstance(part, Pause):
            yield part
    if pending and pending.text.strip():
        yield pending


def _number(value: str, unit: str) -> float:
    try:
        return float(value.removesuffix(unit))
    except ValueError as error:
        raise SsmlError(f"{value!r} is not a number with the unit {unit!r}") from error


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
    # A percentage refers to the frequency; 6 % are about one semitone.
    shift = _number(value, "%") / 6 if value.endswith("%") else _number(value, "st")
    return min(max(shift, -20.0), 20.0)
