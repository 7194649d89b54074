"""What Google refuses as too long, split: around the long sentence and in its middle, and nothing is lost."""

from __future__ import annotations

import re
from xml.etree.ElementTree import fromstring

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.job import Pronunciation
from worker.speech.render import Input, InputForm
from worker.speech.smaller_parts import split_smaller

REFUSAL = "This request contains sentences that are too long."


def named(start: str) -> str:
    return f'{REFUSAL} Sentence starting with: "{start}" is too long.'


def split(content: str, refusal: str = REFUSAL, form: InputForm = InputForm.TEXT) -> list[str]:
    return [entry.content for entry in split_smaller(Input(form, content), refusal)]


LONG = "the old road north, until you see the tower and the river below it, then wait for my signal"


def test_the_longest_sentence_is_cut_at_the_clause_nearest_to_its_middle_and_the_others_stay_whole() -> None:
    assert split(f"Hello. Take {LONG}. Do not be late. Good luck.") == [
        "Hello. ",
        "Take the old road north, until you see the tower and the river below it, ",
        "then wait for my signal. ",
        "Do not be late. Good luck.",
    ]


def test_the_sentence_that_google_names_is_cut_even_if_another_has_more_characters() -> None:
    numbers = "Dial 123456789 then 987654321 then 555555555. "
    text = f"Take {LONG}. {numbers}Go."
    assert split(text, named("Dial 123456789 th")) == [
        f"Take {LONG}. ",
        "Dial 123456789 then ",
        "987654321 then 555555555. ",
        "Go.",
    ]


def test_a_sentence_without_clauses_is_cut_between_words_and_no_abbreviation_from_its_name() -> None:
    assert split("Guarded by Dr. Mason and Mr. Black and Mrs. Green") == [
        "Guarded by Dr. Mason and ",
        "Mr. Black and Mrs. Green",
    ]
    assert split("St. Louis") == ["St. ", "Louis"], "at last"


def test_a_number_with_separators_is_not_cut_at_them() -> None:
    assert split("It took 1,000,000 caps and 2,500 men") == ["It took 1,000,000 ", "caps and 2,500 men"]


def test_a_run_of_digits_or_of_chinese_characters_is_cut_anywhere() -> None:
    assert split("1" * 60) == ["1" * 30, "1" * 30]
    assert split("中" * 60) == ["中" * 30, "中" * 30]


@pytest.mark.parametrize("text", ["word", "supercalifragilistic!", "[pause] word [pause]", "..."])
def test_a_single_word_is_not_cut(text: str) -> None:
    assert split(text, form=InputForm.MARKUP) == []


def test_a_pause_mark_stays_whole_and_a_part_without_a_word_is_none() -> None:
    assert split("One [pause long] two", form=InputForm.MARKUP) == ["One [pause long] ", "two"]
    assert split("... One two", form=InputForm.TEXT) == ["... One ", "two"]


def test_pronunciations_follow_the_part_that_has_their_phrase() -> None:
    says = (Pronunciation(phrase="vault", phonetic="x"), Pronunciation(phrase="dawn", phonetic="y"))
    parts = split_smaller(Input(InputForm.TEXT, "The vault opens, they say at dawn.", says), REFUSAL)
    assert [[each.phrase for each in part.pronunciations] for part in parts] == [["vault"], ["dawn"]]


def test_ssml_is_cut_at_its_own_sentences_and_what_is_open_is_opened_again() -> None:
    doctor = '<sub alias="Doctor">Dr</sub>'
    ssml = f'<speak>Hello. <prosody rate="slow"><p>Take {LONG}</p><p>Go now. {doctor}</p></prosody></speak>'
    begin, end = '<speak><prosody rate="slow"><p>', "</p></prosody></speak>"
    assert split(ssml, form=InputForm.SSML) == [
        "<speak>Hello. </speak>",
        f"{begin}Take the old road north, until you see the tower and the river below it, {end}",
        f"{begin}then wait for my signal{end}",
        f"{begin}Go now. {doctor}{end}",
    ]


def test_ssml_is_never_cut_inside_of_what_is_spoken_as_one_thing() -> None:
    ssml = '<speak>a <say-as interpret-as="date">the second of May in the year two thousand</say-as> b</speak>'
    assert split(ssml, form=InputForm.SSML) == [
        '<speak>a <say-as interpret-as="date">the second of May in the year two thousand</say-as> </speak>',
        "<speak>b</speak>",
    ]


def test_a_cut_that_moves_to_the_beginning_of_what_is_spoken_as_one_leaves_no_empty_document() -> None:
    ssml = f"<speak><p><say-as interpret-as='date'>{'1' * 60}</say-as></p> on that day</speak>"
    assert [fromstring(part).tag for part in split(ssml, form=InputForm.SSML)] == ["speak", "speak"]  # noqa: S314


_TEXTS = st.sampled_from(["", "a", "one two", "b &amp; c, d", " Dr. Who", "End. Next ", "中文。字", "&lt;", "7 8"])


_WHOLE = st.builds("<say-as>{}</say-as>".format, st.sampled_from(["1" * 50, "one two", ""]))


def _wrapped(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    tags = st.sampled_from(["p", "s", "emphasis", "prosody", "say-as", "sub"])
    element = st.tuples(tags, _TEXTS, st.lists(inner, max_size=3), _TEXTS)
    return (
        element.map(lambda e: f"<{e[0]}>{e[1]}{''.join(e[2])}</{e[0]}>{e[3]}") | st.just("<break time='1s'/>") | _WHOLE
    )


@settings(max_examples=100, deadline=None)
@given(st.recursive(_TEXTS, _wrapped, max_leaves=12))
def test_ssml_parts_are_well_formed_and_say_what_the_whole_says(inner: str) -> None:
    ssml = f"<speak>word {inner} end</speak>"
    parts = [fromstring(part) for part in split(ssml, form=InputForm.SSML)]  # noqa: S314  # our own
    whole = fromstring(ssml)  # noqa: S314  # our own
    assert "".join("".join(part.itertext()) for part in parts) == "".join(whole.itertext())
    assert sum(len([*part.iter("break")]) for part in parts) == len([*whole.iter("break")])
    assert all(part.tag == "speak" and re.search(r"\w", "".join(part.itertext())) for part in parts)


PIECES = st.lists(
    st.sampled_from(["word ", "Dr. ", "stop. ", "a, ", "12,000 ", "[pause] ", "中文", "。", "\n", "... ", "x" * 50]),
    min_size=2,
    max_size=40,
)


@settings(max_examples=100, deadline=None)
@given(PIECES.map("".join))
def test_parts_of_a_text_are_the_text_and_each_is_smaller_and_has_a_word(text: str) -> None:
    parts = split(text, form=InputForm.MARKUP)
    if parts:
        assert "".join(parts) == text
        assert all(0 < len(part) < len(text) for part in parts)
        assert all(re.search(r"[^\W_]", part.replace("[pause]", "")) for part in parts)
