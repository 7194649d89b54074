"""Takes the text out of Unreal's macros, which its tables hold in place of a text. Pure."""

import re
from typing import Final

_QUOTED: Final = r'"((?:[^"\\]|\\.)*)"'
_MACRO: Final = re.compile(
    rf"\s*(?:NSLOCTEXT\(\s*{_QUOTED}\s*,\s*{_QUOTED}\s*,\s*{_QUOTED}\s*\)|INVTEXT\(\s*{_QUOTED}\s*\))\s*"
)
_TABLE: Final = re.compile(rf"\s*LOCTABLE\(\s*{_QUOTED}\s*,\s*{_QUOTED}\s*\)\s*")
_ESCAPE: Final = re.compile(r"\\(.)")
_ESCAPES: Final = {"n": "\n", "r": "\r", "t": "\t"}


def plain_text(cell: str) -> str:
    """The text of `NSLOCTEXT("namespace", "key", "text")` and `INVTEXT("text")`; any other text as it is.

    Raises:
        ValueError: it refers to a string table by `LOCTABLE`, which has the text.
    """
    if found := _TABLE.fullmatch(cell):
        raise ValueError(f"the text stands in the string table {found[1][:80]}: import that table's CSV")
    found = _MACRO.fullmatch(cell)
    if found is None:
        return cell
    return _ESCAPE.sub(lambda each: _ESCAPES.get(each[1], each[1]), found[3] if found[3] is not None else found[4])
