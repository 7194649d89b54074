"""Spellings that a voice says otherwise than an actor would: capitals, long letters, stutters, emoji. Pure."""

import re
from collections.abc import Iterator
from typing import Final

from worker.batch.lint.model import NOT_ASCII, Level, Match, Spoken, TextRule
from worker.batch.lint.rules.patterns import finder, leave, only_with, strip, together

# Unicode's emoji and pictures: their blocks, with joiners, selectors, skin tones and flags.
_PICTURES: Final = (
    "\u203c\u2049\u2139\u2190-\u21ff\u2300-\u23ff\u2500-\u27bf\u2900-\u297f\u2b00-\u2bff\u3030\u303d\u3297\u3299"
    "\U0001f000-\U0001faff\U0001fb00-\U0001fbff"
)
_EMOJI: Final = re.compile(rf"[#*0-9]\ufe0f?\u20e3|[{_PICTURES}][{_PICTURES}\u200d\ufe0e\ufe0f\U000e0020-\U000e007f]*")
_NOT_ASCII: Final = re.compile(r"[^\x00-\x7f]")
_EMOTICON: Final = re.compile(
    r"(?<![\w:;])(?:[:;=][-'^o]?[)(\]\[DPpOo3|/\\]|[:;]'\(|</?3|\^[_.-]?\^|[oO][_.][oO]|T[_.]T|>[_.]<|-_-|¯\\_\(ツ\)_/¯|"
    r"[xX]D)(?![\w:])"
)
_EMOTICON_SIGN: Final = re.compile(r"[:;=<>^_¯]|-_-|[oOT]\.[oOT]|[xX]D")
_LONG_LATIN: Final = re.compile(r"(?i)(?<![a-zà-öø-ÿ'])[a-zà-öø-ÿ']*?([a-zà-öø-ÿ])\1{2,}[a-zà-öø-ÿ']*")
_SHORTCODE: Final = re.compile(r"(?<![\w:]):[a-z]{3,20}:(?![\w:])")
# What each of the two has, found sooner than where its word begins.
_LONG: Final = re.compile(r"(?i)([a-zà-öø-ÿ\u3041-\u30ff\u4e00-\u9fff])\1\1|[ー～〜]{3}")
# Read letter by letter, as it should be.
_ABBREVIATIONS: Final = frozenset({"IEEE", "AAA", "AAAS", "BBB", "CCC", "NNN", "SSSI"})
_ROMAN: Final = re.compile(r"[IVXLCDMivxlcdm]+")
_WEB: Final = re.compile(r"(?i)w{3}\b|w{3}\.")
_LONG_CJK: Final = re.compile(r"([\u3041-\u30ff\u4e00-\u9fff])\1{4,}|[ー～〜]{3,}")
# W-what, I-I-I don't, b…but: the word begins with what is stuttered.
_STUTTER: Final = re.compile(
    r"(?<![\w-])(?P<start>[A-Za-z]{1,2})(?:-(?P=start))*(?P<last>-|…|\.{3})(?=(?P<word>(?P=start)[A-Za-z']*)(?!-)\b)",
    re.IGNORECASE,
)
_STUTTER_CJK: Final = re.compile(r"(?P<start>[\u4e00-\u9fff]{1,2})(?:(?:、|…+|—+|-|\.{2,}|⋯+)(?P=start)){1,}")
_STUTTER_SIGN: Final = re.compile(r"[-…、—⋯]|\.\.")
# 你你你……你: a pronoun that nobody repeats for stress, as 不不不.
_STUTTER_PRONOUN: Final = re.compile(r"(?P<start>[我你妳您他她這这])(?P=start){2,}(?:(?:、|…+|—+|⋯+)(?P=start))*")
_PREFIXES: Final = frozenset(
    {"re", "co", "de", "un", "in", "ex", "bi", "no", "so", "go", "ha", "he", "ho", "hm", "la", "da", "ya"}
)
_CAPITALS: Final = re.compile(r"\b[A-Z][A-Z']+(?:[ ,;-]+(?:[A-Z][A-Z']+|[AI]))+\b")
_TWO_CAPITALS: Final = re.compile(r"[A-Z'][A-Z']")
_CHAT: Final = re.compile(
    r"(?<![\w'’.-])(?:(?i:lol|lmao|rofl|omg|omfg|wtf|idk|imho|afaik|brb|btw|thx|thnx|plz|pls|ppl|msg|tmr|gr8|l8r?|b4|2nite|"
    r"2day|2moro|u r|r u|ur|w8|str8)|u(?= [a-z])|w/(?:o\b)?|b/c)(?![\w'’-])"
)
_LEAST_CAPITALS: Final = 8
_LEAST_ALL: Final = 4


def _find_long_letters(text: str, _: Spoken) -> Iterator[Match]:
    if not _LONG.search(text):
        return
    for found in _LONG_LATIN.finditer(text):
        if not (_ROMAN.fullmatch(found[0]) or _WEB.match(found[0]) or found[0] in _ABBREVIATIONS):
            yield Match(found.start(), found.end())
    for found in _LONG_CJK.finditer(text):
        yield Match(found.start(), found.end())


def _find_stutters(text: str, spoken: Spoken) -> Iterator[Match]:
    if spoken.is_chinese:
        for found in _STUTTER_PRONOUN.finditer(text):
            yield Match(found.start(), found.end(), replacement=found["start"])
    if not _STUTTER_SIGN.search(text):
        return
    for found in _STUTTER.finditer(text):
        start, word = found["start"], found["word"]
        # "re-read" and "so-so" are words, and "A-a" hides none.
        if start.casefold() in _PREFIXES or (len(word) == len(start) and word.casefold() != "i"):
            continue
        yield Match(found.start(), found.end() + 1, replacement=word[0].upper() if start[0].isupper() else word[0])
    if spoken.is_chinese:
        for found in _STUTTER_CJK.finditer(text):
            yield Match(found.start(), found.end(), replacement=found["start"])


def _find_capitals(text: str, _: Spoken) -> Iterator[Match]:
    if not _TWO_CAPITALS.search(text):
        return
    words = re.findall(r"[A-Za-z']{2,}", text)
    letters = sum(map(len, words))
    is_latin = not any("\u2e80" <= each <= "\uffef" and each.isalpha() for each in text)
    if is_latin and letters >= _LEAST_ALL and text.upper() == text and any(_is_word(each) for each in words):
        start = next(index for index, each in enumerate(text) if each.isalpha())
        end = len(text) - next(index for index, each in enumerate(reversed(text)) if each.isalpha())
        yield Match(start, end, replacement=_as_sentence(text[start:end]))
        return
    for found in _CAPITALS.finditer(text):
        run = re.findall(r"[A-Z']{2,}", found[0])
        if sum(map(len, run)) >= _LEAST_CAPITALS and any(map(_is_word, run)):
            yield Match(found.start(), found.end(), replacement=_as_words(found[0], text[: found.start()]))


def _is_word(capitals: str) -> bool:
    """Whether it looks like a word, and not like an abbreviation."""
    return len(capitals) >= _LEAST_ALL and bool(re.search("[AEIOUY]", capitals)) and not _ROMAN.fullmatch(capitals)


def _as_sentence(text: str) -> str:
    lower = re.sub(r"\bi\b", "I", text.lower())
    return re.sub(r"(?:\A|[.!?…]\s+)[a-z]", lambda found: found[0].upper(), lower)


def _as_words(capitals: str, before: str) -> str:
    lower = re.sub(r"\bi\b", "I", capitals.lower())
    is_first = not before.strip() or before.rstrip()[-1] in ".!?…"
    return lower[:1].upper() + lower[1:] if is_first else lower


RULES: Final = (
    TextRule(
        "emoji", "is a picture: a voice skips it or reads its name", Level.WARN,
        together(
            only_with(_NOT_ASCII, finder((_EMOJI, strip))),
            only_with(_EMOTICON_SIGN, finder((_EMOTICON, strip), (_SHORTCODE, strip))),
        ),
        needs=(NOT_ASCII, *":;=<>^_.D"),
    ),
    TextRule(
        "chat-words", "is written as in a chat, which a voice spells out or says as it stands", Level.WARN,
        finder((_CHAT, leave)), fixes=False,
    ),
    TextRule("all-caps", "is in capitals, which a voice may spell out", Level.WARN, _find_capitals),
    TextRule(
        "repeated-letters", "repeats a letter, and no voice knows how long that is", Level.WARN, _find_long_letters,
        fixes=False,
    ),
    TextRule("stutter", "is a stutter, which a voice reads letter by letter", Level.WARN, _find_stutters,
             needs="-….、—⋯我你妳您他她這这"),
)  # fmt: skip
