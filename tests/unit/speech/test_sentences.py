"""Where a sentence ends: not at abbreviations, initials and numbers, in any language."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from worker.speech.sentences import between_stops, sentences


@pytest.mark.parametrize(
    "text",
    [
        "Dr. Mason met Mr. Black and Mrs. Green.",
        "The road north of St. Louis was guarded.",
        "They came from the old Vault No. 21 with Capt. Rhodes and Lt. Cole.",
        "DR. MASON IS HERE.",
        "J. R. R. Tolkien wrote it.",
        "The U.S. Army left.",
        "Take tools, e.g. Hammers.",
        "It costs 3.14 caps.",
        "(Dr. Mason) said so.",
        "Sie sprach mit Hrn. Müller in der Hauptstr. Nr. 5.",
        "Das ist z.B. Eisen, d.h. Metall.",
        "Mme. Curie et M. Durand sont là.",
        "El Sr. García y la Sra. López.",
        "La Dott. Rossi e il Sig. Verdi.",
        "Это т.е. Москва и ул. Ленина.",
        "डॉ. शर्मा यहाँ हैं।",
        "Se s. 5, bl.a. Stockholm.",
    ],
)
def test_an_abbreviation_an_initial_or_a_number_ends_no_sentence(text: str) -> None:
    assert sentences(text) == [text]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("Hello. How are you?", ["Hello. ", "How are you?"]),
        ("He said no. Then he left.", ["He said no. ", "Then he left."]),
        ("No. 5 is alive. No. It is not.", ["No. 5 is alive. ", "No. ", "It is not."]),
        ("He saw Dr. Mason. Then he left.", ["He saw Dr. Mason. ", "Then he left."]),
        ("Wait... Dr. Mason?", ["Wait... ", "Dr. Mason?"]),
        ("St.\nLouis", ["St.\n", "Louis"]),
        ("好。不好！", ["好。", "不好！"]),
        ("वह आया। वह गया।", ["वह आया। ", "वह गया।"]),
        ("これはペンです．あれもです｡", ["これはペンです．", "あれもです｡"]),
        ("３．１４です．", ["３．１４です．"]),
        ("هل ذهبت؟ نعم.", ["هل ذهبت؟ ", "نعم."]),
        ("ہم گئے۔ وہ آئے۔", ["ہم گئے۔ ", "وہ آئے۔"]),
        ("သွားသည်။လာသည်။", ["သွားသည်။", "လာသည်။"]),
        ("ሰላም።ለዓለም።", ["ሰላም።", "ለዓለም።"]),
        ("", []),
    ],
)
def test_other_stops_end_one(text: str, parts: list[str]) -> None:
    assert sentences(text) == parts


PIECES = st.lists(st.sampled_from(["Dr. ", "No. ", "5 ", "no. ", "word", " ", ". ", "U.S. ", "\n", "。", "...", '."']))


@settings(max_examples=100, deadline=None)
@given(PIECES.map("".join))
def test_sentences_are_the_text_again_and_none_ends_inside_a_piece_between_stops(text: str) -> None:
    assert "".join(sentences(text)) == "".join(between_stops(text)) == text
    assert len(sentences(text)) <= len(between_stops(text))
