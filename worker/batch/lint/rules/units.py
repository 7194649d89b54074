"""Units, amounts of money and addresses, with the words that a voice will probably say. Pure."""

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from worker.batch.lint.model import DIGIT, Level, Match, Spoken, TextRule
from worker.batch.lint.rules.spelling import in_words
from worker.batch.lint.rules.unit_names import GLUED, UNITS

_NUMBER: Final = r"(?P<n>[-−]?\d{1,3}(?:,\d{3})+(?:\.\d+)?|[-−]?\d+(?:\.\d+)?)"
_SIGN: Final = "|".join(re.escape(each) for each in sorted(UNITS, key=len, reverse=True))
_UNIT: Final = re.compile(
    rf"(?<![A-Za-z0-9_.,/:\ue0f0-]){_NUMBER}(?P<gap>[ \u00a0\u202f]?)(?P<unit>{_SIGN})(?![A-Za-z0-9_²³/'’-])"
)
_FEET: Final = re.compile(
    r"(?<![A-Za-z0-9_.,/:'‘-])(?P<feet>\d{1,2})['′](?:(?P<inches>\d{1,2})(?:\"|''|″|”)(?!\w)|"
    r"(?= (?:tall|long|high|deep|wide)\b))"
)
_SCALES: Final = {"K": "thousand", "k": "thousand", "M": "million", "B": "billion", "T": "trillion", "bn": "billion"}
_MONEY: Final = {"$": "dollars", "€": "euros", "£": "pounds", "¥": "yen"}
_AMOUNT: Final = re.compile(rf"(?P<sign>[$€£¥]) ?{_NUMBER}(?P<scale>bn|[KkMBT])(?!\w)")
# Dollars of other countries, and amounts with cents, of which a voice may read the sign or the point.
_CENTS: Final = re.compile(
    rf"(?<![A-Za-z0-9])(?P<country>NT|HK|US|CA|AU|A|C)?(?P<sign>[$€£¥]) ?{_NUMBER}(?!\w|[.,]\d| (?:million|billion))"
)
_COUNTRIES: Final = {
    "": ("", ""), "NT": ("New Taiwan ", "新臺幣"), "HK": ("Hong Kong ", "港幣"), "US": ("US ", "美金"),
    "CA": ("Canadian ", "加幣"), "C": ("Canadian ", "加幣"),
    "AU": ("Australian ", "澳幣"), "A": ("Australian ", "澳幣"),
}  # fmt: skip
_ADDRESS: Final = re.compile(
    r"(?P<url>(?<![A-Za-z0-9])(?:https?|ftp)://[^\s<>\"“”]*[\w/])|(?P<mail>(?<![A-Za-z0-9])[A-Za-z0-9_.+-]+@[A-Za-z0-9_][\w-]*(?:\.\w[\w-]*)+)|"
    r"(?P<host>(?<![A-Za-z0-9])(?:www\.)[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)+(?:/[^\s<>\"]*\w)?|\b[A-Za-z][\w-]*(?:\.[\w-]+)*\.(?:com|net|org|io|gov|edu|tv|gg|tw|cn|jp|"
    r"exe|txt|dat|log|cfg|ini|png|wav|ogg)\b(?:/[^\s<>\"]*\w)?)|(?P<path>[A-Za-z]:\\[\w\\.-]+|(?<![\w.<])/(?:\w[\w.-]*/)+[\w.-]*)"
)
_ADDRESS_SIGN: Final = re.compile(r"[/@\\]|\.[\w-]")
"""What each address has, and the full stop after a sentence hasn't."""
_SIGN_WORDS: Final = {
    "en": {
        ".": " dot ", "/": " slash ", "@": " at ", "-": " dash ", "_": " underscore ",
        ":": " colon ", "\\": " backslash ",
    },
    "zh": {".": "點", "/": "斜線", "@": "小老鼠", "-": "短橫線", "_": "底線", ":": "冒號", "\\": "反斜線"},
}  # fmt: skip


def _find_units(text: str, spoken: Spoken) -> Iterator[Match]:
    for found in _UNIT.finditer(text):
        unit = found["unit"]
        if unit in GLUED and found["gap"]:
            continue
        yield from _match(found, _with_unit(_decimal(found["n"]), unit, spoken))
    has_money = any(sign in text for sign in _MONEY)
    for found in _CENTS.finditer(text) if has_money else ():
        amount = _decimal(found["n"])
        if found["country"] or amount != int(amount):
            yield from _match(found, _money(amount, found, spoken))
    if spoken.primary == "en":
        for found in _FEET.finditer(text) if "'" in text or "′" in text else ():
            yield from _match(found, _height(found, spoken))
        for found in _AMOUNT.finditer(text) if has_money else ():
            words = in_words(_decimal(found["n"]), spoken)
            yield from _match(found, words and f"{words} {_SCALES[found['scale']]} {_MONEY[found['sign']]}")


def _match(found: re.Match[str], reading: str) -> Iterator[Match]:
    yield Match(found.start(), found.end(), reading=reading, replacement=reading or None)


def _decimal(number: str) -> Decimal:
    return Decimal(number.replace(",", "").replace("−", "-"))


def _with_unit(number: Decimal, unit: str, spoken: Spoken) -> str:
    """The number with its unit in words; empty for languages whose names of units nobody has written here."""
    one, many, chinese = UNITS[unit]
    words = in_words(abs(number), spoken)
    if not words or spoken.primary not in {"en", "zh"}:
        return ""
    if spoken.is_chinese:
        # The names are Taiwan's.
        return f"{'負' if number < 0 else ''}{words}{chinese}" if spoken.is_traditional else ""
    return f"{'minus ' if number < 0 else ''}{words} {one if abs(number) == 1 else many}"


def _money(amount: Decimal, found: re.Match[str], spoken: Spoken) -> str:
    whole, cents = int(amount), int(amount * 100) % 100
    english, chinese = _COUNTRIES[found["country"] or ""]
    if spoken.is_traditional and chinese and not cents:
        return f"{chinese}{in_words(whole, spoken)}元"
    if spoken.primary != "en" or amount * 100 != int(amount * 100) or amount < 0:
        return ""
    names = _MONEY[found["sign"]]
    name = names[:-1] if whole == 1 and names.endswith("s") else names
    pence = "pence" if found["sign"] == "£" else f"cent{'s' if cents != 1 else ''}"
    return f"{in_words(whole, spoken)} {english}{name}" + (f" and {in_words(cents, spoken)} {pence}" if cents else "")


def _height(found: re.Match[str], spoken: Spoken) -> str:
    feet = _with_unit(Decimal(found["feet"]), "ft", spoken)
    return f"{feet} {in_words(int(found['inches']), spoken)}" if found["inches"] else feet


def _find_addresses(text: str, spoken: Spoken) -> Iterator[Match]:
    if not _ADDRESS_SIGN.search(text):
        return
    for found in _ADDRESS.finditer(text):
        said = re.sub(r"^\w+://(?:www\.)?|^www\.", "", found[0])
        signs = _SIGN_WORDS.get("zh" if spoken.is_chinese else spoken.primary, {})
        reading = " ".join("".join(signs.get(each, each) for each in said).split()) if signs else ""
        yield Match(found.start(), found.end(), reading=reading, replacement=reading or None)


RULES: Final = (
    TextRule("urls", "is an address, of which each sign is read", Level.WARN, _find_addresses, needs="./@\\"),
    TextRule("units", "has more than one reading", Level.WARN, _find_units, needs=(DIGIT,)),
)
