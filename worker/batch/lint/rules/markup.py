"""Markup of engines and forums, which a voice reads aloud: BBCode, rich text, Ren'Py, Yarn. Pure."""

import re
from typing import Final

from worker.batch.lint.model import Level, TextRule
from worker.batch.lint.rules.patterns import finder, keep_group, leave, strip

# BBCode as Godot has it, and attributes of Yarn Spinner and Dialogue Manager; then whatever has a value or closes.
_BBCODE: Final = re.compile(
    r"\[/?(?:b|i|u|s|p|br|lb|rb|color|colour|size|font|font_size|url|img|center|left|right|fill|quote|code|indent|ul|ol|li|"
    r"table|cell|hint|lang|wave|shake|tornado|rainbow|fade|pulse|ghost|matrix|bgcolor|fgcolor|outline_size|outline_color|"
    r"opentype_features|dropcap|nomarkup|select|plural|ordinal|character|sound|sfx|voice|anim|emotion|mood|signal|"
    r"portrait|speed|rate|pitch|pace|volume|emphasis|ipa|next|do|set|if|elif|else|while|endif)"
    r"(?:[\s=:][^\[\]]*)?/?\]"
    r"|\[/[^\[\]]*\]|\[\w+(?:\s*=[^\[\]]*)\]|\[\w[^\[\]]*/\]|\[#[^\[\]]*\]"
)
_CLOSED: Final = re.compile(r"\[(\w+)\](?=.*\[/\1\])", re.DOTALL)
_CHOICE: Final = re.compile(r"\[\[[^\[\]]*\]\]")
_LINK: Final = re.compile(r"!?\[(?P<text>[^\[\]]+)\]\((?:https?:|/|#|\.|mailto:)[^()\s]*\)")
_ANGLE: Final = re.compile(r"</?[A-Za-z!?#][^<>\n]{0,200}>|</>|<>")
_COMMAND: Final = re.compile(r"<<[^<>\n]*>>")
# https://www.renpy.org/doc/html/text.html
RENPY_TAG: Final = (
    r"\{/?(?:b|i|u|s|a|alpha|alt|art|cps|clear|color|done|fast|feature|font|horiz|image|instance|axis|k|noalt|nw|"
    r"outlinecolor|p|plain|rb|rt|shader|size|space|vert|vspace|w)(?:=[^{}]*)?\}"
)
_RENPY: Final = re.compile(RENPY_TAG)
_RPG_MAKER: Final = re.compile(r"\\(?:[CcIi]\[\d+\]|[Ff][Ss]\[\d+\]|[Pp][XxYy]\[\d+\]|[.!|^{}<>$])")
_COLOUR_CODES: Final = re.compile(
    r"[§¤][0-9A-FK-ORa-fk-orYRGBLWHT!]|\|c[0-9A-Fa-f]{8}|\|[rR](?![A-Za-z])|\^[0-9](?=\w)|\x1b\[[0-9;]*m|"
    r"(?<!\w)#[0-9A-Fa-f]{6}(?:[0-9A-Fa-f]{2})?(?!\w)|(?<!\w)&[0-9a-fk-or](?=[A-Z])|(?<=\w)&r(?!\w)|\|[a-z]\d+(?!\w)"
)
_YARN: Final = re.compile(
    r"(?<=[.!?…。！？\"”」])(?:\s+#[a-z]\w*(?::\S*)?)+\s*\Z|(?<!\w)#(?:line|id|speaker|sfx|anim):[\w.-]+|"
    # ink's tags may have blanks.
    r"(?<=[.!?…])(?:\s+#\s?[a-z][\w.:=-]*)+\s*\Z"
)
_DIVERT: Final = re.compile(r"\s*->\s*[\w.]+\s*\Z|\A\s*->\s*")
_ENDS_A_LINE: Final = re.compile(r"(?i)</?(?:br|p|div|li|tr|h\d)\b|\{p\b|\[(?:br|p)\b|\[/p\]")


def _strip_tag(found: re.Match[str]) -> str:
    """A rewrite that removes a tag, and leaves a blank where words would run into each other."""
    before, after = found.string[: found.start()][-1:], found.string[found.end() :][:1]
    if not after.isalnum() or not before or before.isspace():
        return ""
    return " " if before in ".!?…,;:" or (_ENDS_A_LINE.match(found[0]) and before.isalnum()) else ""


RULES: Final = (
    TextRule(
        "markup",
        "is markup, which is read aloud",
        Level.ERROR,
        finder(
            (_COMMAND, leave),
            (_LINK, keep_group),
            (_CHOICE, leave),
            (_BBCODE, _strip_tag),
            (_CLOSED, strip),
            (_RENPY, _strip_tag),
            (_ANGLE, _strip_tag),
            (_RPG_MAKER, strip),
            (_COLOUR_CODES, strip),
            (_YARN, strip),
            (_DIVERT, strip),
        ),
        needs="[<{\\§¤|^\x1b#>-&",
    ),
)
