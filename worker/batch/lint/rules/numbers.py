"""Fractions, and numbers that can be read in more than one way: long ones, codes, numbers after No. Pure."""

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from worker.batch.lint.model import DIGIT, Level, Match, Spoken, TextRule
from worker.batch.lint.rules.dates import MONTHS
from worker.batch.lint.rules.patterns import readings
from worker.batch.lint.rules.spelling import in_digits, in_words, ordinal_in_words

# Not a part of another number, nor after what another rule has found.
_BEGIN: Final = r"(?<![A-Za-z0-9_.,/:$€£¥\ue0f0-])"
_END: Final = r"(?![A-Za-z0-9_/:]|[.,]\d|-\d)"
_FRACTION: Final = re.compile(
    rf"{_BEGIN}(?:(?P<whole>[1-9]\d{{0,2}})[ -])?(?P<a>[1-9]\d{{0,2}})/(?P<b>\d{{1,3}}){_END}|"
    r"(?P<sign>[½⅓⅔¼¾⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞])"
)
_SIGNS: Final = {
    "½": (1, 2), "⅓": (1, 3), "⅔": (2, 3), "¼": (1, 4), "¾": (3, 4), "⅕": (1, 5), "⅖": (2, 5), "⅗": (3, 5), "⅘": (4, 5),
    "⅙": (1, 6), "⅚": (5, 6), "⅛": (1, 8), "⅜": (3, 8), "⅝": (5, 8), "⅞": (7, 8),
}  # fmt: skip
_LARGEST_BELOW: Final = 100
"""Fractions of more parts are rare: 26/110 counts something."""
_HALF: Final = 2
_NUMBER: Final = re.compile(
    rf"{_BEGIN}(?P<minus>[-−](?=\d))?(?P<digits>\d{{1,3}}(?:,\d{{3}})+(?:\.\d+)?|\d+\.\d+|\d+){_END}(?!%)"
)
_TELEPHONE: Final = re.compile(
    r"(?<![A-Za-z0-9_.,/$€£¥-])(?:\+\d{1,3}[ -])?(?:(?:\(\d{2,4}\) ?|0\d{1,3}-)\d{3}-\d{3,4}|"
    r"(?:\d{3}-)?\d{3}-\d{4})(?![A-Za-z0-9_/-]|[.,]\d)|"
    r"(?<![A-Za-z0-9_.,/$€£¥-])0\d{1,2}-\d{4}-\d{4}(?![A-Za-z0-9_/-])"
)
_RANGE: Final = re.compile(rf"{_BEGIN}(?P<a>\d{{1,3}})[-–](?P<b>\d{{1,3}})(?![A-Za-z0-9_/:%-]|[.,]\d)")
# What telephone numbers and ranges have.
_DASH: Final = re.compile(r"[-–]")
_LEAST_LONG: Final = 5
_LEAST_DECIMALS: Final = 3
_LAST_YEAR: Final = 2099
# A name before three digits makes them a code: Vault 111 is "one hundred eleven" or "one eleven".
_CODE: Final = re.compile(r"\b(?P<name>[A-Z][A-Za-z]*)[ -](?P<n>\d{3})(?![\w/:%-])(?![.,]\d)")
_NO_NAMES: Final = frozenset(
    {*MONTHS, *(month[:3] for month in MONTHS), "In", "About", "Over", "The", "Only", "Some", "Nearly", "Almost",
     "Have", "Take", "Give", "For", "All", "Around", "Than", "Of", "And", "After", "Under", "At", "By", "To", "From"}
)  # fmt: skip
_NUMBERED: Final = re.compile(r"(?:\b(?:No|Nr|Nos)\.|№|(?<![\w#])#) ?(?P<n>\d{1,4})(?![\w/])")

_NUMBERED_SIGN: Final = re.compile(r"N[or]|[№#]")


def _read_fraction(found: re.Match[str], spoken: Spoken) -> str:
    above, below = _SIGNS[found["sign"]] if found["sign"] else (int(found["a"]), int(found["b"]))
    if not above < below <= _LARGEST_BELOW:
        return ""
    whole = in_words(int(found["whole"]), spoken) if found["whole"] else ""
    if spoken.is_chinese:
        return f"{whole}{'又' if whole else ''}{in_words(below, spoken)}分之{in_words(above, spoken)}"
    if spoken.primary != "en":
        return ""
    name = {_HALF: "half", 4: "quarter"}.get(below) or ordinal_in_words(below, spoken)
    fraction = f"{in_words(above, spoken)} {name if above == 1 else f'{name}s'}"
    return f"{whole} and {fraction}" if whole else fraction


def _read_number(found: re.Match[str], spoken: Spoken) -> str:
    digits = found["digits"]
    if len(digits) > 1 and digits.isdecimal() and digits[0] == "0":
        return in_digits(digits, spoken)
    if not found["minus"] and _has_one_reading(digits):
        return ""
    words = in_words(Decimal(digits.replace(",", "")), spoken)
    minus = ("負" if spoken.is_traditional else "负") if spoken.is_chinese else "minus "
    return f"{minus}{words}" if found["minus"] and words else words


def _has_one_reading(digits: str) -> bool:
    """Whether any voice reads a number as anybody would: few digits or commas; a year has its own."""
    if "." in digits:
        return "," not in digits and len(digits.partition(".")[2]) < _LEAST_DECIMALS
    return "," in digits or (len(digits) < _LEAST_LONG and int(digits) <= _LAST_YEAR)


def _read_numbered(found: re.Match[str], spoken: Spoken) -> str:
    words = in_words(int(found["n"]), spoken)
    if spoken.is_chinese:
        return f"第{words}"
    return f"number {words}" if spoken.primary == "en" else ""


def _read_range(found: re.Match[str], spoken: Spoken) -> str:
    first, last = (in_words(int(found[each]), spoken) for each in ("a", "b"))
    between = "到" if spoken.is_chinese else " to "
    return f"{first}{between}{last}" if first and last and spoken.primary in {"en", "zh", "yue"} else ""


def _read_telephone(found: re.Match[str], spoken: Spoken) -> str:
    groups = re.findall(r"\d+", found[0])
    words = [in_digits(group, spoken) for group in groups]
    return ("，" if spoken.is_chinese else ", ").join(words) if all(words) and len(groups) > 1 else ""


def _find_codes(text: str, spoken: Spoken) -> Iterator[Match]:
    for found in _CODE.finditer(text):
        if found["name"] not in _NO_NAMES and (words := in_words(int(found["n"]), spoken)):
            yield Match(*found.span("n"), words, words)


def _find_numbers(text: str, spoken: Spoken) -> Iterator[Match]:
    if _DASH.search(text):
        yield from readings(_TELEPHONE, _read_telephone, text, spoken)
        yield from readings(_RANGE, _read_range, text, spoken)
    yield from readings(_NUMBER, _read_number, text, spoken)
    yield from _find_codes(text, spoken)
    if _NUMBERED_SIGN.search(text):
        yield from readings(_NUMBERED, _read_numbered, text, spoken)


def _find_fractions(text: str, spoken: Spoken) -> Iterator[Match]:
    return readings(_FRACTION, _read_fraction, text, spoken)


RULES: Final = (
    TextRule("fractions", "has more than one reading", Level.WARN, _find_fractions, needs=("/", *_SIGNS)),
    TextRule("numbers", "has more than one reading", Level.WARN, _find_numbers, needs=(DIGIT,)),
)
