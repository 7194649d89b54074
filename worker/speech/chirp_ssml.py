"""SSML as Chirp 3: HD speaks it: breaks as pause marks, the line's rate as a number, no element that it ignores. Pure.

Google's page of Chirp lists few elements. It silently ignores the others, `<break>` and `<prosody>` among them: in 22 %
of takes breaks had no effect (googleapis/python-texttospeech#100). Its own markup has pauses, and no elements.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final
from xml.etree.ElementTree import Element, tostring  # writes XML; reading is schemas.ssml's

from schemas.enums import PhoneticAlphabet
from schemas.job import Pronunciation
from schemas.ssml import parse_ssml
from schemas.text_markup import PAUSES

CHIRP_ELEMENTS: Final = frozenset({"speak", "say-as", "p", "s", "phoneme", "sub"})
"""The elements that both of Google's lists have."""

_BREAK_TIME: Final = re.compile(r"\s*\+?([0-9]+(?:\.[0-9]+)?|\.[0-9]+)(ms|s)\s*")
# A shorter break is none; one that isn't given in seconds has a strength.
_LEAST_BREAK_S: Final = 0.1
_LONGEST_BREAK_S: Final = 60.0
# Of one element, however many digits its number has; Google's voices speak at a fourth to four times their own rate.
_RATE_FACTORS: Final = (0.1, 10.0)
_STRENGTHS_S: Final = {"none": 0.0, "x-weak": 0.0, "weak": 0.25, "medium": 0.6, "strong": 1.2, "x-strong": 1.2}
_LONGEST_PAUSE_S: Final = max(PAUSES.values())
_SPELLED: Final = frozenset({"characters", "spell-out", "verbatim"})
_BLOCKS: Final = frozenset({"p", "s"})
_RATES: Final = {"x-slow": 0.5, "slow": 0.75, "medium": 1.0, "default": 1.0, "fast": 1.25, "x-fast": 1.5}
_RATE: Final = re.compile(r"([+-]?)([0-9]+(?:\.[0-9]+)?)(%?)")


@dataclass(frozen=True)
class ChirpLine:
    """A document for Chirp.

    Attributes:
        content: SSML, or markup if it has pauses.
        rate: a factor of the speaking rate, 1.0 if the document sets none for the whole line.
        pronunciations: those of the phonemes; markup has no elements for them.
        is_markup: whether the content is markup.
        pause_seconds: the sum of the pauses.
    """

    content: str
    rate: float
    pronunciations: tuple[Pronunciation, ...] = ()
    is_markup: bool = False
    pause_seconds: float = 0.0


def chirp_line(ssml: str) -> ChirpLine:
    """Prepares well-formed SSML for Chirp; all its words stay in their order."""
    root = parse_ssml(ssml)
    rate, _ = _rates(root)
    marks = [mark for element in root.iter("break") if (mark := _pause_mark(element))]
    if marks:
        markup = "".join(_marked_up(root))
        content = re.sub(r" *\n\s*", "\n", re.sub(r"[^\S\n]+", " ", markup)).strip()
        seconds = sum(PAUSES[mark] for mark in marks)
        return ChirpLine(content, rate, tuple(_pronunciations(root)), is_markup=True, pause_seconds=seconds)
    if not all(element.tag in CHIRP_ELEMENTS for element in root.iter()):
        ssml = tostring(_without_unknown(root), encoding="unicode")
    return ChirpLine(ssml, rate)


def chirp_losses(ssml: str) -> list[str]:
    """What has no effect or another one where Chirp speaks the SSML, each in a few words; empty if nothing has."""
    root = parse_ssml(ssml)
    tags = sorted({element.tag for element in root.iter()} - CHIRP_ELEMENTS - {"break", "prosody"})
    losses = [f"<{tag}>" for tag in tags]
    attributes = sorted({name for each in root.iter("prosody") for name in set(each.keys()) - {"rate"}})
    losses += [f'<prosody {name}="…">' for name in attributes]
    if _rates(root)[1]:
        losses.append('<prosody rate="…"> for a part of the line')
    breaks = [seconds for element in root.iter("break") if (seconds := break_seconds(element)) is not None]
    if breaks and max(breaks) > 1.5 * _LONGEST_PAUSE_S:
        losses.append(f"<break> of more than about {_LONGEST_PAUSE_S:g} s, its longest pause")
    has_pause = any(_pause_mark(element) for element in root.iter("break"))
    if has_pause and any(each.get("interpret-as") not in _SPELLED for each in root.iter("say-as")):
        losses.append("<say-as> beside a <break>")
    return losses


def break_seconds(element: Element) -> float | None:
    """The time of a `<break>` in seconds, at most 60; None if it gives none that can be read."""
    found = _BREAK_TIME.fullmatch(element.get("time", ""))
    return min(float(found[1]) / (1000 if found[2] == "ms" else 1), _LONGEST_BREAK_S) if found else None


def _pause_mark(element: Element) -> str | None:
    """The pause mark nearest to a break; None for a break that is none."""
    seconds = break_seconds(element)
    if seconds is None:
        seconds = _STRENGTHS_S.get(element.get("strength", "medium"), _STRENGTHS_S["medium"])
    if seconds < _LEAST_BREAK_S:
        return None
    return min(PAUSES, key=lambda mark: abs(PAUSES[mark] - seconds))


def _rates(root: Element) -> tuple[float, bool]:
    """The factor of the rate that is set for all words, and whether another one is set for some of them."""
    rate, around = 1.0, set[Element]()
    element = root
    while True:
        if element.tag == "prosody":
            around.add(element)
            rate *= rate_factor(element.get("rate", ""))
        spoken = [child for child in element if _has_word(child)]
        if _is_word(element.text) or any(_is_word(child.tail) for child in element) or len(spoken) != 1:
            break
        element = spoken[0]
    return rate, any(each.get("rate") and each not in around for each in root.iter("prosody"))


def rate_factor(rate: str) -> float:
    """The factor that a rate of SSML's prosody element is; 1.0 for what is none."""
    rate = rate.strip()
    if rate in _RATES:
        return _RATES[rate]
    found = _RATE.fullmatch(rate)
    if found is None:
        return 1.0
    number = float(found[2]) / (100 if found[3] else 1)
    # A sign makes it a change: +20% is a fifth faster.
    factor = 1 + number * (-1 if found[1] == "-" else 1) if found[1] else number
    return min(max(factor, _RATE_FACTORS[0]), _RATE_FACTORS[1])


def _marked_up(element: Element) -> Iterator[str]:
    """The words of an element and what stands for its elements in markup."""
    if element.tag == "sub":
        yield element.get("alias", "".join(element.itertext()))
        return
    if element.tag == "say-as" and element.get("interpret-as") in _SPELLED:
        yield " ".join("".join("".join(element.itertext()).split()))
        return
    if element.tag == "break":
        yield f" {_pause_mark(element) or ''} "
    between = "\n" if element.tag in _BLOCKS else ""
    yield between + _flat(element.text)
    for child in element:
        yield from _marked_up(child)
        yield _flat(child.tail)
    yield between


def _flat(text: str | None) -> str:
    # In SSML a line break is a space; in markup it ends a sentence.
    return re.sub(r"\s+", " ", text or "")


def _pronunciations(root: Element) -> Iterator[Pronunciation]:
    said: set[str] = set()
    for element in root.iter("phoneme"):
        phrase, phonetic = "".join(element.itertext()).strip(), element.get("ph", "")
        alphabet = element.get("alphabet", PhoneticAlphabet.IPA).strip().lower()
        if phrase and phonetic and phrase not in said and alphabet in set(PhoneticAlphabet):
            said.add(phrase)
            yield Pronunciation.model_construct(phrase=phrase, phonetic=phonetic, alphabet=PhoneticAlphabet(alphabet))


def _has_word(element: Element) -> bool:
    return _is_word("".join(element.itertext())) or (element.tag == "sub" and _is_word(element.get("alias")))


def _is_word(text: str | None) -> bool:
    return text is not None and any(character.isalnum() for character in text)


def _without_unknown(element: Element) -> Element:
    """The element without tags that Chirp doesn't know; their words stay in place."""
    kept = Element(element.tag, element.attrib)
    kept.text, kept.tail = element.text, element.tail
    for child in map(_without_unknown, element):
        if child.tag in CHIRP_ELEMENTS:
            kept.append(child)
            continue
        _append_text(kept, child.text)
        for grandchild in child:
            kept.append(grandchild)
        _append_text(kept, child.tail)
    return kept


def _append_text(element: Element, text: str | None) -> None:
    if text and len(element):
        element[-1].tail = (element[-1].tail or "") + text
    elif text:
        element.text = (element.text or "") + text
