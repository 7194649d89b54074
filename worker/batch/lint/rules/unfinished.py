"""Texts that nobody has written yet, and what a spreadsheet leaves where one should be. Pure."""

import re
from collections.abc import Iterator
from typing import Final

from worker.batch.lint.model import Level, Match, Spoken, TextRule
from worker.batch.lint.rules.patterns import finder, leave, together

# Marks in capitals anywhere; words that are words too, as the whole text alone.
_MARKS: Final = re.compile(
    r"\b(?:TODO|FIXME|TBD|TBC|TBA|WIP|PLACEHOLDER|LOREM IPSUM|UNTRANSLATED|NEEDS? TRANSLATION|CUT LINE|XXX+(?![:.])|"
    r"(?i:MISSING TRANSLATION)|MISSING (?:TEXT|STRING)|DO NOT (?:RECORD|TRANSLATE|USE))\b|\b[Ll]orem ipsum\b|"
    r"(?i:\[?insert (?:text|line|dialogue|name) here\]?|\bplaceholder (?:text|line|dialogue)\b)|"
    r"[\[(<{]\s*(?i:placeholder|temp(?: line| text| dialogue)?|draft|dummy|missing|not final|scratch|cut|deleted|"
    r"unused|to be (?:written|recorded|translated|decided)|"
    r"insert [^\[\](){}<>]{1,60})\s*[\])>}]|(?i:dolor sit amet|consectetur adipiscing)|"
    r"[（(【\[](?:此|本|這|这)?[句段處处]?(?:待定|待補|待补|暫定|暂定|待確認|待确认|未定|草稿)[^）)】\]]{0,20}[）)】\]]|"
    r"待翻譯|待翻译|待補|待补|未翻譯|未翻译|待定稿|佔位|占位符|這裡填|此处填|（暫）|（暂）"
)
# Each of the marks has one of these.
_MARK_SIGN: Final = re.compile(r"[A-Z]{2}|[\[({<（【待未佔占]|這裡填|此处填")
_MARK_WORDS: Final = ("lorem", "insert", "place", "dolor", "conse", "missing")
_WHOLE: Final = re.compile(
    r"\s*(?:(?i:todo|fixme|tbd|tbc|tba|wip|xxx+|placeholder|n/a|nan|undefined|test(?:ing)?(?: test(?:ing)?)+|"
    r"test ?(?:line|text|string)|asdf\w*|qwerty\w*|foo ?bar|dummy(?: text| line)?|\[object Object\])[.!?…]*|"
    r"(?i:same as (?:above|before|line \S+)|see (?:above|below|line \S+)|(?:as|repeat) above|ditto|deprecated|unused|"
    r"obsolete|not used|line \d+(?: ?\(?alt\)?)?)\.?|\?{2,} *\w.*|※.*|"
    # Somebody may answer "None." or 無。
    r"(?i:none|null|nil|empty|test|待定|暫定|暂定|(?:測試)+|(?:测试)+|待確認|待确认|未定|無|无|略)|"
    # A key in the place of its text: DIALOGUE_TOM_01, npc.guard.greeting
    r"[A-Z][A-Z0-9]*(?:[_.][A-Z0-9]+)+|[a-z][a-z0-9]*(?:_[a-z0-9]+)+|[a-z][a-z0-9]*(?:\.[a-z][a-z0-9]*){2,})\s*"
)
_SPREADSHEET: Final = re.compile(
    r"#(?:REF|VALUE|NAME|NUM|NULL|SPILL|CALC|FIELD|BLOCKED|CONNECT|BUSY|UNKNOWN|GETTING_DATA|ERROR)[!?]?|#N/A|#DIV/0!?|"
    r"#(?:BEZUG|WERT|ZAHL|NV|NOM|VALEUR|NOMBRE|VALOR|RIF|NOME)[!?]?|#¿NOMBRE\?|\bErr:\d{3}\b|#{4,}|"
    r"\b\d(?:\.\d+)?[Ee]\+\d{2,}\b"
)
_FORMULA: Final = re.compile(
    r"\s*(?:=\s*[A-Za-z_.]+\(.*|=\s*\$?[A-Z]{1,3}\$?\d+\b.*|=\s*\"[^\"]*\"\s*&.*|=\s*'?[\w ]+'?!\$?[A-Z]+\$?\d+.*|"
    r"[+@-]\s*[A-Z]{2,}\([^()]*\)|[+-]\$?[A-Z]{1,3}\$?\d+(?:[-+*/&].*)?)\s*",
    re.DOTALL,
)


def _find_marks(text: str, _: Spoken) -> Iterator[Match]:
    small = text.lower()
    if _MARK_SIGN.search(text) or any(word in small for word in _MARK_WORDS):
        for found in _MARKS.finditer(text):
            yield Match(found.start(), found.end())


def _whole(pattern: re.Pattern[str]) -> re.Pattern[str]:
    return re.compile(rf"\A(?:{pattern.pattern})\Z", pattern.flags)


RULES: Final = (
    TextRule("spreadsheet-error", "is what a spreadsheet shows in place of a value", Level.ERROR,
             finder((_SPREADSHEET, leave)), fixes=False, needs="#+:"),
    TextRule("formula", "is a spreadsheet's formula, and not its result", Level.ERROR,
             finder((_whole(_FORMULA), leave)), fixes=False, needs="=+-@"),
    TextRule("unfinished", "isn't written yet", Level.ERROR,
             together(finder((_whole(_WHOLE), leave)), _find_marks), fixes=False),
)  # fmt: skip
