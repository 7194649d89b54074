"""Stage directions between signs that are no brackets: `—sighs—`, `<whispering>`, ＜低語＞. Pure.

They are looked for before markup, which would take `<whispering>` for a tag.
"""

import re
from collections.abc import Iterator
from typing import Final

from worker.batch.lint.model import HIDDEN, Level, Match, Spoken, TextRule
from worker.batch.lint.rules.directions import CHINESE, is_direction

_SIGNS: Final = re.compile(
    r"(?:(?<=\s)|^)(?P<dash>[-–—~/_]+)\s?(?P<text>[a-z][a-z ]{2,30}?)\s?(?P=dash)(?=\s|$)|"
    r"<(?P<b>[A-Za-z][A-Za-z ]{2,30})>(?!.*</)|[＜〈](?P<c>[^＜＞〈〉]{1,12})[＞〉]|\A\s*《(?P<d>[^《》]{1,4})》"
)
_WHOLE: Final = re.compile(rf"(?:{CHINESE.pattern})(?:地|道|聲|声|著|着)?")


def _find_signs(text: str, _: Spoken) -> Iterator[Match]:
    for found in _SIGNS.finditer(text):
        content = next(each for name, each in found.groupdict().items() if each is not None and name != "dash").strip()
        # 《笑傲江湖》 is a book.
        is_one = _WHOLE.fullmatch(content) if found["d"] else is_direction(content)
        if is_one and HIDDEN not in content:
            yield Match(found.start(), found.end(), replacement="", kept=content)


RULES: Final = (
    TextRule(
        "direction-signs", "is a direction, which is read aloud", Level.WARN, _find_signs, label="direction",
        needs="-–—~/_<＜〈《",
    ),
)  # fmt: skip
