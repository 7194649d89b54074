"""Characters that were lost, garbled or slipped in unseen: mojibake, U+FFFD, controls, mixed scripts. Pure."""

import re
import unicodedata
from collections.abc import Iterator
from functools import cache
from typing import Final

import ftfy

from worker.batch.lint.model import NOT_ASCII, Level, Match, Spoken, TextRule
from worker.batch.lint.rules.patterns import finder, leave, strip

# UTF-8 that was read as GBK, and memory that nobody had written to, as Chinese programmers know them.
_GBK: Final = re.compile("锟斤拷|烫烫烫|屯屯屯|ï¿½")
# UTF-8 that was read as GBK: 浣犲ソ is 你好. Each of its characters is one and a half of the text's own.
_HIGH_RUN: Final = re.compile(r"[^\x00-\x7f\ufffd\ue0f0]{3,}")
_FIRST_CJK: Final = "\u2e80"
_MOST_CUT_BYTES: Final = 2
# UTF-8 or Big5 that was read as Latin-1 and lost a blank: signs between the letters.
_SIGNS: Final = re.compile("[\u00a1-\u00bf\u0192\u02c6\u2020\u2021\u2030]")
_LEAST_SIGNS: Final = 3
_LEAST_SIGNS_SHARE: Final = 0.3
_LOST: Final = re.compile(r"\ufffd+|(?<=[^\W\d_])\?{1,2}(?=[^\W\d_])")
# Line ends and the tab are blanks to a voice. An emoji has joiners and selectors, which are its own.
_EMOJI_SIGNS: Final = "\u200d\ufe0e\ufe0f"
_BIDI: Final = re.compile("[\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069]")
_INVISIBLE: Final = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u2060-\u2064"
    "\u206a-\u206f\u2800\u3164\ufe00-\ufe0d\ufeff\uffa0\ufff9-\ufffb\ue000-\ue0ef\ue0f1-\uf8ff"
    "\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
    # Arabic and Indic scripts need joiners within words, and emoji between signs; beside Latin or Chinese none does.
    "|(?<=[\u0020-\u024f\u2e80-\u9fff])[\u200c\u200d]|[\u200c\u200d](?=[\u0020-\u024f\u2e80-\u9fff])|^[\u200c\u200d]"
)
_ASCII_CONTROLS: Final = (*map(chr, range(0x20)), "\x7f")
_WORD: Final = re.compile(r"[^\W\d_]{2,}")
_NOT_ASCII: Final = re.compile(r"[^\x00-\x7f]")
_ALIKE: Final = frozenset({"LATIN", "CYRILLIC", "GREEK"})


def _find_mojibake(text: str, _: Spoken) -> Iterator[Match]:
    for found in _GBK.finditer(text):
        yield Match(found.start(), found.end())
    yield from _find_read_as_gbk(text)
    signs = len(_SIGNS.findall(text))
    if signs >= _LEAST_SIGNS and signs > _LEAST_SIGNS_SHARE * len("".join(text.split())):
        yield Match(0, len(text))
    # By words, so that a text that has both is mended where it is broken.
    fixed = ftfy.fix_encoding(text)
    if fixed != text:
        start, end = _changed(text, fixed)
        yield Match(start, end, replacement=fixed[start : len(fixed) - (len(text) - end)])


def _find_read_as_gbk(text: str) -> Iterator[Match]:
    for found in _HIGH_RUN.finditer(text):
        try:
            content = found[0].encode("gb18030")
        except UnicodeEncodeError:
            continue
        for cut in range(_MOST_CUT_BYTES + 1):
            try:
                meant = content[: len(content) - cut].decode()
            except UnicodeDecodeError:
                continue
            # Words by chance are letters of other scripts.
            if all(each >= _FIRST_CJK for each in meant):
                yield Match(found.start(), found.end(), replacement=None if cut else meant)
            break


def _changed(before: str, after: str) -> tuple[int, int]:
    """Start and end of the piece of a text that an edit has changed."""
    start = 0
    most = min(len(before), len(after))
    while start < most and before[start] == after[start]:
        start += 1
    same = 0
    while same < most - start and before[-1 - same] == after[-1 - same]:
        same += 1
    return start, len(before) - same


def _find_mixed_scripts(text: str, _: Spoken) -> Iterator[Match]:
    for found in _WORD.finditer(text):
        word = found[0]
        if _NOT_ASCII.search(word) and len(_ALIKE & {_script(each) for each in word}) > 1:
            yield Match(found.start(), found.end())


@cache
def _script(letter: str) -> str:
    return unicodedata.name(letter, "").partition(" ")[0]


RULES: Final = (
    TextRule("mojibake", "was read in the wrong encoding once", Level.ERROR, _find_mojibake,
             needs=(NOT_ASCII,)),
    TextRule(
        "lost-character", "a character was lost in a conversion", Level.ERROR,
        finder((_LOST, leave)), fixes=False,
        needs="\ufffd?",
    ),
    TextRule(
        "bidi-character", "turns the direction of writing, and hides what the text says", Level.ERROR,
        finder((_BIDI, strip)), needs=(NOT_ASCII,),
    ),
    TextRule(
        "invisible-character", "nobody sees it, and a voice stumbles over it", Level.WARN, finder((_INVISIBLE, strip)),
        needs=(NOT_ASCII, *_ASCII_CONTROLS),
    ),
    TextRule(
        "mixed-script", "letters of two scripts that look alike in one word", Level.ERROR, _find_mixed_scripts,
        fixes=False, needs=(NOT_ASCII,),
    ),
)  # fmt: skip
