"""Both languages have the same messages, and the templates use those that there are."""

from __future__ import annotations

import re
import string
from pathlib import Path

import pytest

from worker.console.web import language
from worker.console.web.language import LANGUAGES, accepted_language, messages, translator

FOLDER = Path(language.__file__).parent
USED = re.compile(r"""\bt\(\s*["']([a-z_0-9.]+)["']\s*(~)?""")
ANY = re.compile(r"""["']((?:[a-z_]+)\.[a-z_0-9]+)["']""")


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def source() -> str:
    files = [*FOLDER.rglob("*.html"), *FOLDER.rglob("*.py")]
    return "\n".join(path.read_text(encoding="utf-8") for path in files)


@pytest.mark.parametrize("other", [each for each in LANGUAGES if each != "en"])
def test_each_language_has_the_same_messages_with_the_same_fields(other: str) -> None:
    english, translated = messages("en"), messages(other)
    plural = {key for key in english if not key.endswith("_one")}
    assert {key for key in translated if not key.endswith("_one")} == plural
    assert {key: fields(english[key]) for key in plural} == {key: fields(translated[key]) for key in plural}
    assert all(text.strip() for text in translated.values())


def test_each_message_that_a_template_names_exists() -> None:
    known = messages("en")
    for key, joined in USED.findall(source()):
        found = [each for each in known if each.startswith(key)] if joined else [key] if key in known else []
        assert found, key


def test_each_message_is_used() -> None:
    text = source()
    joined = [key for key, more in USED.findall(text) if more]
    named = set(ANY.findall(text))
    by_name = {"rollout.include", "rollout.exclude"}
    titles = {f"{page}.title" for page in ("rollout", "lines", "dead_letters", "fleet", "listen")}
    problems = {key for key in messages("en") if key.startswith("problem.")}
    unused = [
        key
        for key in messages("en")
        if key not in named | by_name | titles | problems
        and not key.endswith("_one")
        and not any(key.startswith(each) for each in (*joined, "time."))
    ]
    assert unused == []


def test_one_thing_is_said_in_the_singular_where_a_language_has_it() -> None:
    assert translator("en")("fleet.behind", n=1) == "one revision behind"
    assert translator("en")("fleet.behind", n=2) == "2 revisions behind"
    assert translator("zh-TW")("fleet.behind", n=1) == "落後 1 個版本"


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", "en"), ("zh", "zh-TW"), ("zh-CN, en;q=0.5", "zh-TW"), ("en-GB, zh-TW;q=0.9", "en"), ("fr", "en"),
        ("de, zh-TW;q=0.2, en;q=0.1", "zh-TW"), (";q=x,,zh-TW", "zh-TW"), ("en;q=0.1, zh-Hant;q=1.0", "zh-TW"),
    ],
)  # fmt: skip
def test_the_first_known_language_that_is_accepted_counts(header: str, expected: str) -> None:
    assert accepted_language(header) == expected
