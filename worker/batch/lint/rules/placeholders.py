"""What an engine fills in when it shows a text, and a voice reads as it stands. Pure."""

import re
from typing import Final

from worker.batch.lint.model import Level, TextRule
from worker.batch.lint.rules.markup import RENPY_TAG
from worker.batch.lint.rules.patterns import finder, leave

_NAMES: Final = (
    "player|name|hero|heroine|pc|mc|npc|pronoun|gender|race|class|rank|title|item|weapon|amount|count|number|num|gold|money|"
    "price|cost|place|location|town|city|quest|target|enemy|value|points|score|level|key|button|input|date|time"
)
# Unity's smart strings, ICU, Godot, Unreal, Yarn, Dialogue Manager, i18next, Fluent, .NET, Python: what is in braces is
# never spoken. Two deep, for ICU's plurals.
_BRACES: Final = re.compile(rf"(?!{RENPY_TAG})" r"[$#%@]?\{(?:[^{}]|\{[^{}]*\}|\{\{[^{}]*\}\})*\}(?:\|\w+\([^()]*\))?")
# C, Python, Objective-C, Qt, Source: not after a digit, since "100% sure" is no placeholder.
_PRINTF: Final = re.compile(
    r"(?<![\d%])%(?:\(\w+\)|\d+\$)?[-+0#]*\d*(?:\.\d+|\.\*)?(?:hh|h|ll|l|z|j|t|L)?(?:[diouxXeEfFgGscnp]\d?|@)(?![A-Za-z])|"
    r"(?<![\d%])%L?\d{1,2}(?![\d.,%]|\s*(?:of|percent))"
)
_ENCLOSED: Final = re.compile(
    r"%[A-Za-z_]\w*%|\$[A-Za-z_]\w*\$|##?[A-Za-z_]\w*##?(?!\w)|@@?[A-Z_][A-Z_0-9]+@@?|(?<!\w)__[A-Za-z]\w*__(?!\w)|"
    r"\|[A-Za-z]+_\w+\||(?<![\w:]):[a-z]+(?:_[a-z]+)+:(?![\w:])|"
    # Discord's and chats' @player; an address has a name before its sign.
    rf"(?<![\w@.])@[a-z]\w+|~(?i:\w*(?:{_NAMES}))~"
)
_DOLLAR: Final = re.compile(r"\$\([^()\n]*\)|\$t\([^()\n]*\)|(?<![A-Za-z0-9$])\$[A-Za-z_]\w*(?:[.\[]\w+\]?)*")
# Cataclysm's <name_g>, Bethesda's <Alias=Player>, Source's <clr:…>
_ANGLE: Final = re.compile(
    rf"<[$A-Za-z]\w*_\w+>|<[A-Z]\w*=[\w.]+>|<\$[^<>\n]+>|<[A-Z]+(?:_[A-Z]+)*>|<(?i:{_NAMES})\d*/?>|<[A-Za-z][a-z]+(?:[A-Z][a-z]+)+/?>(?!.*</)|<<(?:\$|print\b|=)[^<>]*>>"
)
# Ren'Py's [player_name], articy's and Paradox's [Root.GetName]
_SQUARE: Final = re.compile(
    # A key to press: "[T]he" is an editor's.
    rf"\[[A-Z0-9]\](?![A-Za-z])|\[\[(?i:{_NAMES})\d*\]\]|"
    rf"\[(?:npc|char|character|loc|var|quest|{_NAMES}):\w+\]|"
    rf"\[[A-Za-z]\w*(?:_\w+)+(?:![a-z]+)?\]|\[\$?[A-Za-z_]\w*(?:\.\w+(?:\([^()]*\))?)+(?:![a-z]+)?\]|\[\w+!\w+\]|\[\$\w+\]|"
    rf"\[[a-z]+(?:[A-Z][a-z0-9]*)+\]|\[(?i:{_NAMES})\d*\]|\[\w+\[\w+\]\]"
)
# What stands for a name in Chinese drafts.
_CHINESE: Final = re.compile(
    r"[「『【\[<〈《（(]?(?:玩家|主角|角色|勇者)(?:名|名字|名稱|名称|姓名)[」』】\]>〉》）)]?(?![\u4e00-\u9fff])|"
    r"[○〇]{2,}|(?<![A-Za-z])[XＸ]{2,3}(?=[\u4e00-\u9fff，。！？])"
)
_RPG_MAKER: Final = re.compile(r"\\(?:[NnVvPpGg]\[\d+\]|[Gg]\b)")
# Harlowe's macros
_MACRO: Final = re.compile(
    r"\((?:print|set|put|if|unless|else-if|link|link-goto|goto|display|either|live|text-style|random):[^()]*\)"
)

RULES: Final = (
    TextRule(
        "placeholder", "is filled in by the engine, and spoken as it stands", Level.ERROR,
        finder(
            (_SQUARE, leave), (_ANGLE, leave), (_BRACES, leave), (_RPG_MAKER, leave), (_MACRO, leave), (_PRINTF, leave),
            (_ENCLOSED, leave), (_DOLLAR, leave), (_CHINESE, leave),
        ),
        fixes=False, needs="{%$<[\\#@_|(~:○〇XＸ名",
    ),
)  # fmt: skip
