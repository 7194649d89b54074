"""A long text is split so that every call is small enough and not a word is lost."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.text_markup import PAUSE_MARK, PAUSES
from tests.unit.makers import CHIRP, WAVENET, rendered_job
from worker.speech.render import MAX_INPUT_BYTES
from worker.speech.text_split import MAX_SENTENCE_CHARACTERS, longest_sentence, split_text

SENTENCE_ENDS = re.compile(r"(?<=[.!?…])\s+|(?<=[。！？])|\n")
PIECES = st.sampled_from(
    [
        *PAUSES,
        *("[pause short]", " ", " ", "  ", "\n", ". ", "! ", "?", "。", "，", ", ", "; ", "...", '."', "」", "[1]"),
        *(
            "word",
            "another",
            "the",
            "中文",
            "避難所",
            "e\u0301\u0301",
            "🙂",
            "a" * 70,
            "字" * 90,
            "x.y",
            "AT&T",
            "&amp;",
        ),
    ]
)
TEXTS = st.lists(PIECES, min_size=1, max_size=250).map(lambda pieces: "go " + "".join(pieces))


def words(text: str) -> str:
    """All letters and digits of a text in order; marks say none."""
    return "".join(re.findall(r"[^\W_]", PAUSE_MARK.sub(" ", text)))


@settings(max_examples=60, deadline=None)
@given(TEXTS, st.sampled_from([60, 300, 1000]))
def test_the_parts_say_what_the_text_says_and_each_fits_and_has_a_word(text: str, limit: int) -> None:
    def fits(part: str) -> bool:
        return len(part.encode()) <= limit

    parts = split_text(text, fits)
    assert words("".join(parts)) == words(text)
    assert all(fits(part) for part in parts)
    assert all(words(part) for part in parts)


@settings(max_examples=60, deadline=None)
@given(TEXTS, st.sampled_from([60, 300, 1000]))
def test_no_mark_is_torn(text: str, limit: int) -> None:
    # Nothing else in these texts begins with "[p" or ends with "t]", "e]" or "g]".
    for part in split_text(text, lambda part: len(part.encode()) <= limit):
        rest = PAUSE_MARK.sub("", part)
        assert "[p" not in rest
        assert not re.search(r"(short|long|pause)\]", rest)


def test_a_text_that_fits_is_left_as_it_is() -> None:
    assert split_text(" a [pause] ", lambda _: True) == [" a [pause] "]


def test_sentences_come_before_clauses_and_clauses_before_words() -> None:
    def fits(part: str) -> bool:
        return len(part.strip()) <= 24

    assert split_text("One is here. Two is there. Three.", fits) == ["One is here. ", "Two is there. Three."]
    assert split_text("First this comes, then that follows; good", fits) == [
        "First this comes, ",
        "then that follows; good",
    ]
    assert split_text("words and words and words and words", fits) == ["words and words and ", "words and words"]
    assert split_text("x" * 50, fits) == ["x" * 24, "x" * 24, "xx"]
    assert split_text("第一句話在這裡等你。第二句話也在這裡等你喔。第三句。", fits) == [
        "第一句話在這裡等你。第二句話也在這裡等你喔。",
        "第三句。",
    ]


def test_a_mark_with_a_space_in_it_is_one_word() -> None:
    text = "go " + "[pause short]" * 30 + " on"
    for limit in range(20, 60):
        parts = split_text(text, lambda part, limit=limit: len(part) <= limit)
        assert all("[pause short]" in part or "[" not in part for part in parts)
        assert "".join(PAUSE_MARK.sub("", "".join(parts)).split()) == "goon"


def test_parts_without_a_word_are_not_spoken() -> None:
    parts = split_text("One here. " + "... " * 20 + "[pause]" * 9 + " Two here.", lambda part: len(part) <= 12)
    assert all(words(part) for part in parts)
    assert words("".join(parts)) == "OneHereTwoHere".replace("H", "h")


@pytest.mark.parametrize(
    "letter",
    ["ที่", "हि", "رَّ", "ကို", "👨\u200d👩\u200d👧", "👍🏽", "🇹🇼", "❤\ufe0f", "a\u0301\u0327", "漢\U000e0100"],
    ids=ascii,
)
def test_a_letter_keeps_its_marks_in_every_script_and_an_emoji_its_parts(letter: str) -> None:
    parts = split_text(f"a{letter}" * 40 + "a", lambda part: len(part) <= 3 * len(letter) + 4)
    assert "".join(parts) == f"a{letter}" * 40 + "a"
    assert all(part.startswith(("a", letter)) and part.endswith(("a", letter)) for part in parts)


def test_a_letter_keeps_its_accents_but_thousands_of_accents_are_split() -> None:
    assert split_text("e\u0301" * 10, lambda part: len(part) <= 5) == ["e\u0301" * 2] * 5
    parts = split_text("a" + "\u0301" * 20_000 + "b", lambda part: len(part.encode()) <= 100)
    assert all(len(part.encode()) <= 100 for part in parts)


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("", 0),
        ("Hello.", 6),
        ("Hello. How are you?", 12),
        ("3.14 is no sentence end", 23),
        ('He said "no." Then left.', 13),
        ("好。不好！", 3),
        ("one\ntwo three", 9),
    ],
)
def test_sentences_are_measured_where_a_reader_ends_them(text: str, length: int) -> None:
    assert longest_sentence(text) == length


HOSTILE = {
    "dots": "a" + "." * 49_000 + "x",
    "dots and closers": "a" + "." * 20_000 + ")" * 20_000 + "x",
    "pairs": "a" + ".)" * 24_000 + "x",
    "question marks": "a" + "?!" * 24_000 + "x",
    "letters": "a" * 50_000,
    "spaces": "a" + " " * 49_000 + "b",
    "commas": "a," * 25_000,
    "short words": "a b " * 12_500,
    "accents": "a" + "\u0301" * 24_000,
    "marks": "a" + "[pause]" * 7_000,
    "Chinese": "中" * 16_000,
    "Chinese sentences": "中文。" * 5_500,
    "ampersands": "a&" * 25_000,
    "newlines": "a\n" * 25_000,
    "brackets": "a" + "[" * 49_000,
    "wide stops": "a" + "。" * 16_000 + "x",
}


@pytest.mark.timeout(30)
@pytest.mark.parametrize("voice_model", [CHIRP, WAVENET])
@pytest.mark.parametrize("name", HOSTILE)
def test_fifty_thousand_bytes_of_anything_become_calls_that_google_takes(name: str, voice_model: object) -> None:
    text = HOSTILE[name]
    inputs = rendered_job(voice_model, text=text).inputs
    for entry in inputs:
        assert len(entry.content.encode()) <= MAX_INPUT_BYTES
        spoken = re.sub(r"<[^>]*>", "", entry.content).replace("&amp;", "&")
        for sentence in SENTENCE_ENDS.split(spoken):
            assert len(sentence.strip()) <= MAX_SENTENCE_CHARACTERS
    said = "".join(re.sub(r"<[^>]*>|&amp;", "", entry.content) for entry in inputs)
    assert words(said) == words(text)


def test_prose_is_packed_into_few_calls() -> None:
    prose = "The vault door opens at dawn, and nobody knows why. " * 300
    for voice_model in (CHIRP, WAVENET):
        inputs = rendered_job(voice_model, text=prose).inputs
        assert len(inputs) == -(-len(prose) // (MAX_INPUT_BYTES // 52 * 52))
