"""Phonemes in Kokoro's alphabet, and pieces of them that the model takes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtest.emulator.engines.kokoro import phonemes_of
from loadtest.emulator.engines.kokoro_alphabet import from_ipa, pieces, with_marks


@given(st.text("abˈ ,.!", max_size=200), st.integers(4, 30))
def test_pieces_are_short_enough_and_lose_nothing_but_spaces(phonemes: str, longest: int) -> None:
    parts = pieces(phonemes, longest)
    assert all(0 < len(part) <= longest for part in parts)
    assert "".join(parts).replace(" ", "") == phonemes.replace(" ", "")


def test_a_piece_ends_after_a_mark_rather_than_in_a_clause() -> None:
    assert pieces("aaa bbb, ccc ddd eee", 14) == ["aaa bbb,", "ccc ddd eee"]
    assert pieces("aaa bbb ccc ddd", 9) == ["aaa bbb", "ccc ddd"]


def test_what_is_one_word_is_cut_where_it_must_be() -> None:
    assert pieces("a" * 25, 10) == ["a" * 10, "a" * 10, "a" * 5]
    assert pieces("  ", 10) == []


@pytest.mark.parametrize(
    ("sentence", "written"),
    [
        ("Good morning!", "<Good morning>!"),
        ("Stop, or I shoot.", "<Stop>, <or I shoot>."),
        ("It costs 3,14 or 3.14 caps, Mr. House.", "<It costs 3,14 or 3.14 caps>, <Mr. House>."),
        ("Wait... No?!", "<Wait>. <No>?"),
        ("Wait… no", "<Wait>… <no>"),
        ("Stop — now", "<Stop>— <now>"),
        ('She said: "go."', '<She said>: <"go>.'),
        ("...", ""),
    ],
)
def test_a_sentence_keeps_its_marks_between_its_clauses(sentence: str, written: str) -> None:
    assert with_marks(sentence, lambda clause: f"<{clause}>") == written


def test_espeaks_ipa_is_written_as_the_model_learnt_it() -> None:
    assert from_ipa("dʒˈeɪn sˈɔː hˈaʊ dˈɜːɾi") == "ʤˈAn sˈɔ hˈW dˈɜɹTi"
    assert from_ipa("(en)wˈɔːɾɚ(cmn)") == "wˈɔTəɹ"


def test_english_is_pronounced_by_espeak() -> None:
    assert phonemes_of("Good morning, Jane!", "en") == "ɡˈʊd mˈɔɹnɪŋ, ʤˈAn!"
