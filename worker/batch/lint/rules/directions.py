"""Stage directions in brackets, asterisks and parentheses, and the speaker's name before a line. Pure."""

import re
from collections.abc import Iterator
from typing import Final

from worker.batch.lint.model import HIDDEN, Find, Level, Match, Spoken, TextRule

# Directions to actors: how to speak, what to do, where they are. Stems, so that "sighs" and "sighing" are found.
_ENGLISH: Final = re.compile(
    r"(?i)\b(?:whisper|sigh|laugh|chuckl|giggl|cough|gasp|groan|grunt|growl|moan|sob|scream|shout|yell|mutter|mumbl|"
    r"murmur|sarcas|sniff|snort|snicker|yawn|gulp|shrug|smil|grin|smirk|frown|wink|nod|hiccup|pant|exhal|inhal|hesita|"
    r"interrupt|clear(?:s|ing) |throat|deadpan|whistl|footstep|applause|laughter|off-?screen|off-?stage|"
    r"voice ?over|aside|beat|pause|silence|static|sfx|cont'?d|continued|"
    r"under (?:his|her|their) breath|to (?:him|her|them)self|to (?:the )?player|"
    r"singing|crying|angrily|angry|sadly|nervous|quiet|softly|loud|weakly|tired|excited|annoyed|confused|scared|surprised|"
    r"worried|drunk|mocking|imitating|reading|thinking|internal|monologue|breath|offended|cheerful|calm|cold|stern)"
)
_MANNER: Final = re.compile(r"[a-z]+ly|[a-z]+ing(?: \w+){0,3}|O\.?S\.?|V\.?O\.?|M\.?O\.?S\.?|[A-Z]\.?[A-Z]\.?")
_DEED: Final = re.compile(r"(?i)(?:he |she |they )?[a-z]+s(?: [\w'’]+){0,6}\.?")
_SENTENCE: Final = re.compile(r"(?:He|She|They|Everyone|Everybody|The \w+) [a-z]+s?(?: [\w'’,]+){0,8}\.?")
CHINESE: Final = re.compile(
    "低聲|低声|低語|低语|小聲|小声|大聲|大声|輕聲|轻声|悄聲|悄声|嘆氣|歎氣|叹气|嘆息|叹息|笑|哭|咳|怒|生氣|生气|悄悄|耳語|耳语|沉默|停頓|停顿|"
    "諷刺|讽刺|驚|惊|喘|旁白|內心|内心|獨白|独白|自言自語|自言自语|喊|吼|哼|顫抖|颤抖|猶豫|犹豫|無奈|无奈|語氣|语气|畫外|画外|轉身|转身|"
    "搖頭|摇头|點頭|点头|皺眉|皱眉|哽咽|緊張|紧张|興奮|兴奋|激動|激动|冷淡|溫柔|温柔|害怕|悲傷|悲伤|高興|高兴|疑惑|思考|遲疑|迟疑"
)
_BRACKETS: Final = re.compile(
    r"\[(?!pause(?: short| long)?\])(?P<text>[^\[\]]{1,200})\]|［(?P<b>[^［］]{1,80})］|【(?P<c>[^【】]{1,80})】|"
    r"〔(?P<d>[^〔〕]{1,80})〕"
)
_BRACKET_SIGNS: Final = "[［【〔"
_ASTERISKS: Final = re.compile(r"(?<![*A-Za-z0-9])\*(?P<text>[^*\s](?:[^*\n]{0,198}[^*\s])?)\*(?![*A-Za-z0-9])")
_PARENTHESES: Final = re.compile(r"\(\((?P<c>[^()\n]{1,80})\)\)|\((?P<text>[^()\n]{1,80})\)|（(?P<b>[^（）\n]{1,40})）")
_MOST_WORDS: Final = 6
_MOST_ORDER_WORDS: Final = 8
_MOST_CHINESE: Final = 8
_MOST_NAMES: Final = 2
_TITLES: Final = frozenset(
    {"old", "young", "big", "little", "captain", "sergeant", "lieutenant", "colonel", "general", "officer", "agent",
     "doctor", "dr.", "professor", "king", "queen", "prince", "princess", "lord", "lady", "sir", "mr.", "mrs.", "ms."}
)  # fmt: skip
"""A name that begins so may have three words."""
_SPEAKER: Final = re.compile(
    r"\s*(?P<name>[A-Z][\w.'’-]*(?: (?:the |of |de |von )?[A-Z0-9][\w.'’-]*){0,2}(?: ?#\d{1,2})?|[A-Z][A-Z .'-]{1,30})"
    r"(?: ?\([^()]{1,20}\))?: +"
    r"(?=[\"“'‘(\[*…A-Z0-9])|\s*(?P<b>[\u4e00-\u9fff·]{2,6})(?: ?[（(][^（）()]{1,10}[）)])?[：:]\s*"
    r"(?=[「『（\u4e00-\u9fff…])|"
    # As in a radio play; other words in capitals may stand before a dash.
    r"\s*(?P<c>NARRATOR|ANNOUNCER|VOICE ?OVER|PLAYER|GUARD(?: ?#?\d)?) ?[-–—] ?(?=[A-Z\"“])|"
    r"\s*(?P<d>[A-Z][\w'’]{1,20}) ?>{1,2} +(?=[A-Z\"“])"
)
# Words that are in no name, but in what is said before a colon: 請你聽我說.
_NO_CHINESE_NAME: Final = re.compile(
    "[你我他她它們们是的了說说講讲請请不在有這这那和就都要會会吧呢嗎吗為为什麼么哪誰谁把被對对]"
)
# Nobody is called so.
_NO_NAME: Final = re.compile(
    r"note|notice|dear|qotd|fortune|fortunes|users|notes|warning|attention|caution|error|remember|question|answer|"
    r"q|a|ps|p\.s|tip|hint|objective|quest|mission|update|log|entry|chapter|part|step|rule|law|laws|law's|"
    r"corollary|lemma|theorem|definition|example|examples|moral|conclusion|result|results|fact|facts|summary|"
    r"subject|re|from|to|date|time|day|night|location|status|report|reminder|memo|message|news|alert|first|second|"
    r"third|last|finally|one|two|three|option|options|choice|problem|solution|reason|proof|ingredients|"
    r"instructions|directions|motto|slogan|translation|meaning|price|total|score|name|title|author|source|quote|"
    r"lesson|point|plan|case|exercise|principle|maxim|axiom|postulate|rules|observation|theory|effect|monday|"
    r"tuesday|wednesday|thursday|friday|saturday|sunday|注意|提示|警告|記住|记住|問題|问题|答案|例如|目標|目标|"
    r"任務|任务|結論|结论|說明|说明|備註|备注|原因|地點|地点|時間|时间|記錄|记录|第一|第二|第三|首先|其次|最後|"
    r"最后|譯文|译文|注釋|注释|作者|標題|标题|出處|题目|題目|其一|其二"
)
_LABELS: Final = re.compile(r"(?i)(?:day|part|chapter|step|act|scene|lesson|rule|log|entry|law|no)\.? ?\d*")


def _content(found: re.Match[str]) -> str:
    return next(each for each in found.groups() if each is not None).strip()


def is_direction(content: str) -> bool:
    """Whether it directs an actor, as far as the words say."""
    if CHINESE.search(content):
        return len(content) <= 2 * _MOST_CHINESE
    return len(content.split()) <= _MOST_WORDS and bool(_ENGLISH.search(content))


def _is_manner(content: str) -> bool:
    """Whether it says how or where, such as `sarcastically` and `V.O.`: a direction only beside a sentence."""
    return bool(_MANNER.fullmatch(content))


def _stands_apart(text: str, found: re.Match[str]) -> bool:
    """Whether the match is at an end of the text, or between two sentences."""
    before, after = text[: found.start()].rstrip(), text[found.end() :].lstrip()
    starts = not before or before[-1] in '.!?…。！？"”」'
    ends = not after or after[0].isupper() or after[0] in '"“「…' or not after[0].isascii()
    return starts and ends


def _find_brackets(text: str, _: Spoken) -> Iterator[Match]:
    for found in _BRACKETS.finditer(text):
        content = _content(found)
        if HIDDEN in content:
            continue
        apart = _stands_apart(text, found) and len(content.split()) <= _MOST_ORDER_WORDS
        if is_direction(content) or (apart and any(map(str.isalpha, content))):
            yield Match(found.start(), found.end(), replacement="", kept=content)


def _find_other_brackets(text: str, _: Spoken) -> Iterator[Match]:
    for found in _BRACKETS.finditer(text):
        # 【】 also encloses terms and titles; "[T]he" is an editor's.
        if not found["c"] and len(_content(found)) > 1 and HIDDEN not in found[0]:
            yield Match(found.start(), found.end(), replacement="", kept=_content(found))


def _find_asterisks(text: str, _: Spoken) -> Iterator[Match]:
    for found in _ASTERISKS.finditer(text):
        content = _content(found)
        if HIDDEN in content:
            continue
        is_deed = _is_manner(content) or _is_deed(content) or _is_chinese_deed(content)
        if is_direction(content) or (_stands_apart(text, found) and is_deed):
            yield Match(found.start(), found.end(), replacement="", kept=content)


def _is_deed(content: str) -> bool:
    """Whether it says what somebody does: `draws her gun`."""
    return bool(_DEED.fullmatch(content))


def _is_chinese_deed(content: str) -> bool:
    """The same in Chinese: `拍桌`."""
    return len(content) <= _MOST_CHINESE and all("\u4e00" <= each <= "\u9fff" for each in content)


def _find_parentheses(text: str, _: Spoken) -> Iterator[Match]:
    for found in _PARENTHESES.finditer(text):
        content = _content(found)
        if HIDDEN in content:
            continue
        if is_direction(content) or (
            _stands_apart(text, found)
            and (_is_manner(content) or _is_short_order(content, found, text) or _is_sentence(content, found, text))
        ):
            yield Match(found.start(), found.end(), replacement="", kept=content)


def _is_sentence(content: str, found: re.Match[str], text: str) -> bool:
    """Whether a sentence at an end of the text, such as `(He leaves.)`, says what somebody does."""
    is_at_end = not text[: found.start()].strip() or not text[found.end() :].strip()
    return is_at_end and bool(_SENTENCE.fullmatch(content)) and content.endswith(".")


def _is_short_order(content: str, found: re.Match[str], text: str) -> bool:
    """Whether the parenthesis before a line is one, such as `(to Tom)` or `（對老闆）`."""
    is_first = not text[: found.start()].strip()
    rest = text[found.end() :].strip()
    if found["b"]:
        return is_first and bool(rest) and len(content) <= _MOST_CHINESE
    return is_first and bool(rest) and content[:1].islower() and len(content.split()) <= _MOST_WORDS


def _find_speaker(text: str, spoken: Spoken) -> Iterator[Match]:
    found = _SPEAKER.match(text)
    if found is None:
        return
    name = (next(each for each in found.groups() if each)).strip()
    words = name.casefold().split()
    known = "".join(filter(str.isalnum, name.casefold())) in spoken.names
    is_label = any(map(_NO_NAME.fullmatch, words)) or _LABELS.fullmatch(name) or name.endswith(("'s", "’s"))
    most = _MOST_NAMES + (words[0] in _TITLES or "#" in name)
    is_said = found["b"] is not None and _NO_CHINESE_NAME.search(name)
    if known or (len(words) <= most and not is_label and not is_said and "-" not in name):
        yield Match(found.start(), found.end(), replacement="", kept=found[0].strip().rstrip(":： -–—>"))


def _rule(
    name: str, level: Level, find: Find, needs: str, says: str = "is a direction, which is read aloud"
) -> TextRule:
    return TextRule(name, says, level, find, label="direction", needs=needs)


RULES: Final = (
    TextRule(
        "speaker-prefix",
        "says who speaks, and is spoken too",
        Level.WARN,
        _find_speaker,
        label="speaker",
        needs=":：-–—>",
    ),
    _rule("direction-brackets", Level.ERROR, _find_brackets, _BRACKET_SIGNS),
    _rule(
        "brackets",
        Level.WARN,
        _find_other_brackets,
        _BRACKET_SIGNS,
        "is in brackets, and a voice reads it like the rest",
    ),
    _rule("direction-asterisks", Level.WARN, _find_asterisks, "*"),
    _rule("direction-parentheses", Level.WARN, _find_parentheses, "(（"),
)
