"""Each rule on texts that it is for, and on their neighbours that are fine; and what holds for any text."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from worker.batch.lint.catalogue import RULES, TEXT_RULES
from worker.batch.lint.model import DIGIT, NOT_ASCII, Level, Spoken, TextRule, signs_of
from worker.batch.lint.settings import LintSettings, parse_lint_section
from worker.batch.lint.text import LintedText, lint_text

DOCS = (Path(__file__).parents[4] / "docs" / "script-lint.md").read_text(encoding="utf-8")
ENGLISH, TAIWAN, MAINLAND = Spoken("en-US"), Spoken("cmn-TW"), Spoken("cmn-CN")
FIXES = LintSettings().with_all_fixes().text_rules()
FOUND = {
    "direction-brackets": ["[whispering] Don't move.", "I know. [sighs]", "[sigh]", "【歎氣】走吧。", "［低聲］小心。"],
    "direction-signs": [
        "—sighs— I can't.",
        "<whispering> Don't wake him.",
        "/sighs/ Fine.",
        "＜低語＞小心。",
        "《輕聲》小心後面。",
    ],
    "chat-words": ["OMG, no!", "idk, maybe gr8", "thx a lot"],
    "brackets": ["The old [and wise] man."],
    "direction-parentheses": [
        "(sarcastically) Great job.",
        "(to Tom) Get down!",
        "No. (laughs) Never!",
        "（輕聲）別動。",
        "（對老闆）一杯酒。",
        "Yes. (He leaves.)",
        "((laughs)) Good one.",
    ],
    "direction-asterisks": ["*coughs* Excuse me.", "Well, *sighs* fine.", "*draws her gun* Stop!", "*拍桌*夠了！"],
    "markdown": [
        "I **never** said that.",
        "I *never* said that.",
        "Look at _that_!",
        "Press `enter` now.",
        "- Who are you?",
        "1. First, find the key.",
    ],
    "placeholder": [
        "You owe me {gold} caps.",
        "Hey {{player}}!",
        "It is {$hour}.",
        "You have {0:N0} caps.",
        "{count, plural, one {# cap} other {# caps}}",
        "%s has dealt %d damage.",
        "Hi %(name)s!",
        "Hello %PLAYER_NAME%!",
        "%1$s wins.",
        "Hey <name_g>!",
        "Hi <Alias=Player>.",
        "Come here, [player_name].",
        "Hi [Root.GetName]!",
        "Hello \\N[1].",
        "Hi ${name}!",
        "Welcome, $playerName.",
        "Hi #PLAYER#!",
        "(print: $gold) caps",
        "Hi, @player, ready?",
        "Greetings, %n.",
        "Press [E] to open.",
        "Hey <PlayerName>, wake up.",
        "Use <player/> to win.",
        "[[player]] is here.",
        "Your name is :player_name:.",
        "Hello ~playername~, welcome.",
        "Talk to [npc:tom].",
        "「玩家名」，你好。",
        "○○，你來了。",
    ],
    "markup": [
        "[b]Stop[/b] [color=red]there[/color]!",
        "<b>Stop</b>!",
        "<color=#ff0000>Red</color>",
        "{b}Stop{/b}",
        "Wait{w=1.0} now.",
        "[wave]Boo[/wave]",
        "<<jump Start>>",
        "Hello. #line:0a1b2c",
        "Go \\C[2]there\\C[0].",
        "§cRed text",
        "Hi. [[yes|no]]",
        "</>Done",
        "Read [this](https://x.org/a).",
        "Come in. # sad # portrait:tom",
        "&cYou lose&r!",
    ],
    "pause-mark": [
        "Wait. [PAUSE] Now.",
        "Wait. [pause: 2s] Now.",
        "Wait [Pause short] now.",
        "Wait. (pause) Now.",
        'Wait <break time="1s"/> now.',
    ],
    "escape": ["First line.\\nSecond.", "Tab\\there", "caf\\u00e9", 'He said \\"no\\".'],
    "html-entity": ["Salt &amp; pepper", "&quot;quoted&quot;", "x&nbsp;y", "don&#39;t"],
    "mojibake": ["DonÃ¢â‚¬â„¢t go", "cafÃ© au lait, s'il vous plaÃ®t", "锟斤拷", "ä½ å¥½", "鎴戜滑璧板惂"],
    "lost-character": ["caf\ufffd", "Don?t go"],
    "bidi-character": ["\u202eevil\u202c text"],
    "invisible-character": ["a\u200bb", "zero\u00adwidth", "\ufeffHello"],
    "mixed-script": ["p\u0430yp\u0430l is a trap"],
    "unfinished": [
        "TODO",
        "XXX PLACEHOLDER",
        "Lorem ipsum dolor",
        "tbd",
        "DIALOGUE_TOM_01",
        "npc.guard.greeting",
        "待翻譯",
        "undefined",
        "[INSERT JOKE HERE]",
        "Blah blah (placeholder)",
        "Same as above.",
        "???? what is this line",
        "（此句待定）",
        "測試測試",
        "※這句要加強語氣",
    ],
    "spreadsheet-error": ["#REF!", "#N/A", "Hello #NAME?", "#VALUE!", "########", "1.2E+15"],
    "formula": ['=A2&" "&B2', "=VLOOKUP(A1,B:C,2)", "=A1", "-SUM(A1)"],
    "emoji": ["Nice 😀👍!", "I like it :-)", "♪ La la ♪", "I <3 you"],
    "all-caps": ["GET DOWN HERE NOW!", "I said GET DOWN HERE, you fool.", "STOP!"],
    "repeated-letters": ["Noooooooo!", "Hmmmm...", "a" * 400, "啊啊啊啊啊啊！"],
    "stutter": ["W-what?", "I-I-I don't know.", "B-but why?", "N…no!", "我、我不知道。", "你你你……你是誰？"],
    "units": [
        "10mm",
        "5 kg of it",
        "It is -5°C.",
        "He is 5'10\" tall.",
        "It costs $5M.",
        "65 mph",
        "走了10km",
        "氣溫35℃。",
        "只要NT$850。",
        "Pay $4.99.",
    ],
    "fractions": ["3/4 of it", "½ a mile", "1 1/2 cups"],
    "dates-times": ["On 2077-10-23.", "At 12:30.", "At 7:05 pm.", "在2077-10-23。"],
    "numbers": [
        "Vault 111 is open.",
        "No. 7 is alive.",
        "Agent 007.",
        "123456 caps",
        "-40 outside",
        "Number 1,234.5.",
        "Call 555-0199.",
        "電話是02-2345-6789。",
        "We open 9-5.",
    ],
    "roman-numerals": ["Mk. II", "Henry VIII", "Chapter IV"],
    "urls": [
        "Go to https://vault-tec.com/jobs.",
        "Mail me@here.org.",
        "See www.example.com.",
        "Run C:\\games\\run.exe",
        "三點在www.test.tw見。",
    ],
    "speaker-prefix": [
        "Tom: Who is there?",
        "TOM: Who is there?",
        "Guard Captain: Halt!",
        "湯姆：「誰在那裡？」",
        "Old Man Jenkins: Get off.",
        "GUARD #2: Halt!",
        "MARA (laughing): You wish!",
        "NARRATOR - Long ago.",
        "Bob > Hello.",
        "小明(怒): 走開",
    ],
}
IN_CHINESE = {
    "simplified-chinese": (TAIWAN, ["这里很危险，请快离开。", "听着。", "体验一下。"]),
    "traditional-chinese": (MAINLAND, ["這裡很危險。"]),
    "wrong-script": (TAIWAN, ["This is an English line.", "Привет, мой друг."]),
}
IN_OTHER_LANGUAGES = {
    "wrong-script": ["你好，旅行者。", "Привет, мой друг."],
    "wrong-language": [
        "Ich weiß nicht, wo der Schlüssel ist, und du auch nicht.",
        "No sé dónde está la llave de la casa, amigo.",
        "¿Dónde está mi dinero, amigo mío?",
    ],
}
FINE = [
    "Good morning, wanderer. [pause] Your boots are dry.",
    "I have 3 apples, and 12 pears since 2077.",
    "Dr. Li is 100% sure.",
    "Well-known, re-read and so-so.",
    "It costs $20.",
    'She said: "Go!"',
    "Note: Don't feed the ghouls.",
    "The radio said (and I agree) that it rains.",
    "I and V are letters.",
    "NASA and the NCR.",
    "Are you sure? Why?",
    "Café, naïve, Zoë.",
    "10,000 caps!",
    "It's 98.6.",
    "None.",
    "A to Z",
    "Ask Mr. X about plan B.",
    "Hasta la vista, baby.",
    "Bonjour, mon ami.",
    "The IEEE called.",
    "It's a T. rex! He's ex-military.",
    "He (my brother) left.",
    "P.S. I love you.",
    "Mom & Dad are home, I'm 99 percent sure.",
    'And then he said, "Run!"',
]
FINE_IN_TAIWAN = [
    "你好，旅行者。",
    "今天的輻射值偏低。",
    "皇后在公里外的台灣只有一個面具。",
    "OK，我們去 Vault City 吧！",
    "乾杯，幹得好。",
    "「這裡」是哪裡？",
    "請你聽我說：我愛你。",
    "他在NASA工作，《笑傲江湖》的作者。",
    "不不不，你誤會了。小聲地說。",
]


ALL_FOUND = sorted({text for texts in FOUND.values() for text in texts})


def found(text: str, spoken: Spoken = ENGLISH) -> set[str]:
    return {each.rule for each in lint_text(text, spoken, LintSettings().text_rules()).findings}


@pytest.mark.parametrize(("rule", "text"), [(rule, text) for rule, texts in FOUND.items() for text in texts])
def test_a_text_is_found_by_the_rule_for_its_kind(rule: str, text: str) -> None:
    spoken = TAIWAN if any("\u4e00" <= each <= "\u9fff" for each in text) and rule != "mojibake" else ENGLISH
    assert rule in found(text, spoken)


@pytest.mark.parametrize(
    ("rule", "spoken", "text"),
    [(rule, spoken, text) for rule, (spoken, texts) in IN_CHINESE.items() for text in texts]
    + [(rule, ENGLISH, text) for rule, texts in IN_OTHER_LANGUAGES.items() for text in texts],
)
def test_a_text_in_another_language_or_script_than_its_voices_is_found(rule: str, spoken: Spoken, text: str) -> None:
    assert rule in found(text, spoken)


def test_every_rule_about_texts_is_tried() -> None:
    assert {each.name for each in TEXT_RULES} == {*FOUND, *IN_CHINESE, *IN_OTHER_LANGUAGES}


@pytest.mark.parametrize(
    ("text", "spoken"), [*((text, ENGLISH) for text in FINE), *((text, TAIWAN) for text in FINE_IN_TAIWAN)]
)
def test_what_any_voice_says_as_it_is_meant_is_fine(text: str, spoken: Spoken) -> None:
    assert found(text, spoken) == set()


FIXED = {
    "[whispering] Don't move. [sighs]": "Don't move.",
    "[b]Stop[/b] [color=red]right there[/color]!": "Stop right there!",
    "First line.\\nSecond line.\\tTab": "First line. Second line. Tab",
    "&lt;b&gt;Salt&lt;/b&gt; &amp;amp; pepper": "Salt & pepper",
    "DonÃ¢â‚¬â„¢t go, cafÃ©!": "Don’t go, café!",
    "Wait. [PAUSE] Now. [pause: 2s] [wait=0.2] Go.": "Wait. [pause] Now. [pause long] [pause short] Go.",
    "W-what? I-I-I know.": "What? I know.",
    "Nice 😀👍!": "Nice!",
    "Great (laughs).": "Great.",
    "I *never* said that.": "I never said that.",
    "STOP! IT IS I, TOM.": "Stop! It is I, tom.",
    "He is 5'10\" and has $5M.": "He is five feet ten and has five million dollars.",
    "At 12:30 on 2077-10-23, 3/4 of Vault 111.": (
        "At twelve thirty on October twenty-third, twenty seventy-seven, three quarters of Vault one hundred eleven."
    ),
    "Pay me $1,250.75, or $5.": "Pay me one thousand two hundred fifty dollars and seventy-five cents, or $5.",
    "Wait<br>for me.\\r\\nNow!<b>Go</b>": "Wait for me. Now! Go",
    "Call 555-0199, we open 9-5.": "Call five five five, zero one nine nine, we open nine to five.",
    "((laughs)) - Who, me?": "Who, me?",
    "\u202eevil\u202c text\u200b zero\u00adwidth": "evil text zerowidth",
}


@pytest.mark.parametrize("text", FIXED)
def test_a_fix_writes_what_is_to_be_spoken(text: str) -> None:
    linted = lint_text(text, ENGLISH, FIXES)
    assert linted.text == FIXED[text]
    assert all(each.level is Level.FIX for each in linted.findings)
    assert linted.findings[0].before == text
    assert linted.findings[-1].after == linted.text


def test_a_fix_writes_traditional_characters_by_words() -> None:
    linted = lint_text("这里的头发，发现了。", TAIWAN, FIXES)
    assert linted.text == "這裡的頭髮，發現了。"


def test_what_a_fix_strips_is_kept_as_labels() -> None:
    linted = lint_text("Tom: [whispering] Don't move. (sighs)", ENGLISH, FIXES)
    assert linted == LintedText("Don't move.", linted.findings, {"speaker": "Tom", "direction": "whispering; sighs"})


def test_a_direction_between_signs_is_kept_and_what_was_found_before_is_none() -> None:
    assert lint_text("<whispering> Don't. —sighs—", ENGLISH, FIXES).labels == {"direction": "whispering; sighs"}
    assert lint_text("MARA (laughing): You wish!", ENGLISH, FIXES).labels == {"speaker": "MARA (laughing)"}
    assert lint_text("[[player]] is here. ({0})", ENGLISH, FIXES).labels == {}


def test_text_that_was_read_as_gbk_is_mended() -> None:
    assert lint_text("鎴戜滑璧板惂", TAIWAN, FIXES).text == "我們走吧"
    assert found("(小聲地)別動。", TAIWAN) == {"direction-parentheses"}


def test_the_documentation_has_each_rule_with_its_level() -> None:
    rows = [[cell.strip() for cell in row.split("|")[1:4]] for row in DOCS.splitlines() if row.startswith("| `")]
    documented = {name.strip("`"): (level, fix) for names, level, fix in rows for name in names.split(", ")}
    for rule in TEXT_RULES:
        assert documented[rule.name] == (rule.level.value, "yes" if rule.fixes else "no")
    assert documented.keys() == RULES.keys()


def test_what_one_rule_has_found_is_no_other_rules() -> None:
    assert found("[b]Stop[/b], [player_name]! [sighs]") == {"markup", "placeholder", "direction-brackets"}
    assert found("It is {0:N0}.") == {"placeholder"}


def test_a_fix_that_is_unsure_stays_a_warning() -> None:
    linted = lint_text("Hi <<jump Start>>.", ENGLISH, FIXES)
    assert [(each.rule, each.level) for each in linted.findings] == [("markup", Level.WARN)]


PIECES = st.sampled_from(
    [text for texts in [*FOUND.values(), *IN_OTHER_LANGUAGES.values()] for text in texts]
    + [text for _, texts in IN_CHINESE.values() for text in texts]
    + [" ", "[", "]", "{", "}", "*", "(", ")", "\\", "&", "<", ">", "-", "1", "/", "%", "\ue0f0"]
)
TEXTS = st.one_of(st.text(max_size=60), st.lists(PIECES, max_size=5).map("".join))


@given(TEXTS, st.sampled_from([ENGLISH, TAIWAN, MAINLAND, Spoken("de-DE"), Spoken("xx"), Spoken("")]))
@example("²", ENGLISH)
@example("\\U0011FFFF\\xZZ&#xFFFFFF;&#0;", ENGLISH)
def test_any_text_is_linted_and_what_is_fixed_once_stays(text: str, spoken: Spoken) -> None:
    lint_text(text, spoken, LintSettings().text_rules())
    once = lint_text(text, spoken, FIXES)
    again = lint_text(once.text, spoken, FIXES)
    assert again.text == once.text
    assert all(each.level is not Level.FIX for each in again.findings)


def without_needed(text: str, rule: TextRule) -> str:
    """The text without anything that the rule needs."""
    return "".join(each for each in text if signs_of(each).isdisjoint(rule.needs))


@given(st.one_of(TEXTS, st.sampled_from(ALL_FOUND)), st.sampled_from([ENGLISH, TAIWAN, MAINLAND, Spoken("ru-RU")]))
@example("٣ kg for ３ days, ² and ½", ENGLISH)
def test_a_rule_finds_nothing_in_a_text_without_what_it_needs(text: str, spoken: Spoken) -> None:
    for rule in TEXT_RULES:
        if rule.needs:
            assert list(rule.find(without_needed(text, rule), spoken)) == [], rule.name


def test_the_signs_of_a_text_are_its_characters_and_their_kinds() -> None:
    assert signs_of("a1") == {"a", "1", DIGIT}
    assert signs_of("٣") == {"٣", DIGIT, NOT_ASCII}
    assert signs_of("é") == {"é", NOT_ASCII}


def test_a_mapping_switches_rules() -> None:
    settings = parse_lint_section({"emoji": "fix", "units": "off", "markup": "warn"})
    assert (settings.level("emoji"), settings.level("markup")) == (Level.FIX, Level.WARN)
    assert settings.level("placeholder") is Level.ERROR
    assert "units" not in {rule.name for rule, _ in settings.text_rules()}


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"emojis": "fix"}, "lint.emojis: is no rule; did you mean emoji?"),
        ({"emoji": "warning"}, "lint.emoji: 'warning' is no level of this rule; allowed are error, warn, fix, off"),
        ({"placeholder": "fix"}, "lint.placeholder: 'fix' is no level of this rule; allowed are error, warn, off"),
    ],
)
def test_a_wrong_section_names_field_value_and_what_is_allowed(section: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=r"^lint") as raised:
        parse_lint_section(section)
    assert str(raised.value) == message


def test_an_unknown_rule_without_a_neighbour_gets_all_names() -> None:
    with pytest.raises(ValueError, match=r"the rules are") as raised:
        parse_lint_section({"qqqqqq": "fix"})
    assert all(name in str(raised.value) for name in RULES)
