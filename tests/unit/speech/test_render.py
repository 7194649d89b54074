"""One neutral line, rendered for each voice model: what it takes, and nothing that it refuses."""

from __future__ import annotations

import re
from typing import Any
from xml.etree.ElementTree import fromstring

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.enums import AudioEncoding
from schemas.ssml import MAX_SSML_DEPTH
from schemas.text_markup import PAUSES
from tests.unit.makers import CATALOGUE, CHIRP, NAMES, WAVENET, WORDS, rendered_job
from worker.speech.render import MAX_INPUT_BYTES, InputForm, spoken_units

MODELS = pytest.mark.parametrize("voice_model", [CHIRP, WAVENET])


def only(voice_model: Any, **changes: Any) -> tuple[InputForm, str]:
    (entry,) = rendered_job(voice_model, **changes).inputs
    return entry.form, entry.content


@pytest.mark.parametrize("character", sorted(CATALOGUE.names))
@pytest.mark.parametrize("pitch", [None, -20, 5.5])
def test_chirp_never_gets_a_pitch(character: str, pitch: float | None) -> None:
    line = rendered_job(CHIRP, character=character, pitch=pitch)
    assert line.pitch == 0
    assert "pitch" not in line.inputs[0].content


def test_wavenet_gets_the_characters_pitch_and_rate_unless_the_job_has_its_own() -> None:
    assert rendered_job(WAVENET, character="super_mutant").pitch == -12
    assert rendered_job(WAVENET, character="super_mutant", pitch=3).pitch == 3
    assert rendered_job(WAVENET, character="super_mutant", pitch=0).pitch == 0
    for voice_model in (CHIRP, WAVENET):
        assert rendered_job(voice_model, character="super_mutant").speaking_rate == 0.65
        assert rendered_job(voice_model, character="super_mutant", speaking_rate=1).speaking_rate == 1


@MODELS
def test_gain_encoding_and_sample_rate_are_the_jobs(voice_model: Any) -> None:
    line = rendered_job(voice_model, volume_gain_db=-3.5, audio={"encoding": "MP3", "sample_rate": 44100})
    assert (line.volume_gain_db, line.encoding, line.sample_rate) == (-3.5, AudioEncoding.MP3, 44100)


@MODELS
@pytest.mark.parametrize("text", ["Hello.", "AT&T, 5 < 6", "quotes \" and ' here", "中文也行。", "[laughs] oh"])
def test_plain_text_goes_as_text_as_it_stands(voice_model: Any, text: str) -> None:
    assert only(voice_model, text=text) == (InputForm.TEXT, text)


@pytest.mark.parametrize("mark", PAUSES)
def test_a_pause_is_markup_for_chirp_and_a_break_for_wavenet(mark: str) -> None:
    assert only(CHIRP, text=f"One {mark} two.") == (InputForm.MARKUP, f"One {mark} two.")
    milliseconds = round(PAUSES[mark] * 1000)
    assert only(WAVENET, text=f"One {mark} two.") == (
        InputForm.SSML,
        f'<speak>One <break time="{milliseconds}ms"/> two.</speak>',
    )


@settings(max_examples=80, deadline=None)
@given(
    WORDS,
    st.lists(st.tuples(NAMES, NAMES), max_size=3, unique_by=lambda pair: pair[0]).filter(
        lambda pairs: "end" not in dict(pairs)
    ),
    st.booleans(),
)
def test_what_wavenet_gets_as_ssml_is_well_formed_and_says_the_text(
    text: str, phrases: list[tuple[str, str]], mark: bool
) -> None:
    text = text + (" [pause] & <3 end" if mark else " & <3 end")
    pronunciations = [{"phrase": phrase, "phonetic": phonetic} for phrase, phonetic in phrases]
    form, content = only(WAVENET, text=text, pronunciations=[*pronunciations, {"phrase": "end", "phonetic": '"<&'}])
    assert form is InputForm.SSML
    said = "".join(fromstring(content).itertext())  # noqa: S314  # our own
    assert re.sub(r"\s+", "", said) == re.sub(r"\s+", "", text.replace("[pause]", ""))


def test_text_is_escaped_where_it_becomes_ssml() -> None:
    form, content = only(WAVENET, text='R&D <3 [pause] "it\'s"')
    assert form is InputForm.SSML
    assert content.startswith("<speak>R&amp;D &lt;3 <break")


SAYS = [{"phrase": "Vault", "phonetic": "vɔlt"}, {"phrase": "Vault City", "phonetic": 'v"O:lt', "alphabet": "x-sampa"}]


def test_pronunciations_stand_beside_chirps_text_and_inside_wavenets() -> None:
    chirp = rendered_job(CHIRP, text="Go to Vault City.", pronunciations=[*SAYS, {"phrase": "Rome", "phonetic": "x"}])
    assert chirp.inputs[0].form is InputForm.TEXT
    assert chirp.inputs[0].content == "Go to Vault City."
    assert [entry.phrase for entry in chirp.inputs[0].pronunciations] == ["Vault", "Vault City"]

    wavenet = rendered_job(WAVENET, text="Vault City, a Vault, Vaults.", pronunciations=SAYS).inputs[0]
    assert wavenet.pronunciations == ()
    assert wavenet.content == (
        '<speak><phoneme alphabet="x-sampa" ph=\'v"O:lt\'>Vault City</phoneme>, '
        'a <phoneme alphabet="ipa" ph="vɔlt">Vault</phoneme>, Vaults.</speak>'
    )


def test_pinyin_stands_in_wavenets_ssml_as_google_spells_it() -> None:
    says = [{"phrase": "行長", "phonetic": "hang2 zhang3", "alphabet": "pinyin"}]
    assert only(WAVENET, text="這位是行長。", language="cmn-TW", pronunciations=says) == (
        InputForm.SSML,
        '<speak>這位是<phoneme alphabet="pinyin" ph="hang2 zhang3">行長</phoneme>。</speak>',
    )


def test_a_phrase_or_a_phonetic_cannot_break_out_of_its_tag() -> None:
    hostile = "\"/><audio src='x'/>"
    _, content = only(WAVENET, text="Say A&B [pause] now", pronunciations=[{"phrase": "A&B", "phonetic": hostile}])
    root = fromstring(content)  # noqa: S314  # our own
    assert [element.tag for element in root] == ["phoneme", "break"]
    assert root[0].get("ph") == hostile
    assert root[0].text == "A&B"


def test_a_phrase_is_no_pattern_and_a_mark_stays_a_mark() -> None:
    says = [{"phrase": ".*", "phonetic": "x"}, {"phrase": "pause", "phonetic": "x"}]
    _, content = only(WAVENET, text="Wait [pause] now", pronunciations=says)
    assert content == '<speak>Wait <break time="600ms"/> now</speak>'


def test_pronunciations_follow_the_part_that_holds_their_phrase() -> None:
    text = "Filler goes here and there. " * 180 + "Vault ends it."
    inputs = rendered_job(CHIRP, text=text, pronunciations=SAYS).inputs
    assert len(inputs) > 1
    assert [len(entry.pronunciations) for entry in inputs] == [0] * (len(inputs) - 1) + [1]


def test_many_pronunciations_that_swell_the_ssml_still_fit_every_call() -> None:
    says = [{"phrase": "a", "phonetic": "x" * 200}]
    inputs = rendered_job(WAVENET, text="a b c. " * 500, pronunciations=says).inputs
    assert all(len(entry.content.encode()) <= MAX_INPUT_BYTES for entry in inputs)
    assert sum(entry.content.count("<phoneme") for entry in inputs) == 500


SSML = (
    "<speak>One <emphasis>two <sub alias='3'>three</sub> four</emphasis> <prosody pitch='+2st'>five</prosody>"
    "<p>six</p> seven</speak>"
)


def test_wavenet_gets_ssml_as_it_stands() -> None:
    assert only(WAVENET, text=None, ssml=SSML) == (InputForm.SSML, SSML)


def test_chirp_gets_ssml_as_it_stands_when_it_knows_all_of_it() -> None:
    ssml = "<speak>Hi <say-as interpret-as='date'>2026-01-31</say-as> <sub alias='you'>u</sub></speak>"
    assert only(CHIRP, text=None, ssml=ssml) == (InputForm.SSML, ssml)


@pytest.mark.parametrize(
    ("ssml", "markup"),
    [
        ("One <break time='700ms'/>two.", "One [pause] two."),
        ("One<break time='250ms'/>two <break time='3s'/> three", "One [pause short] two [pause long] three"),
        ("One <break/> two <break strength='strong'/>three", "One [pause] two [pause long] three"),
        ("One <break strength='none'/> two <break time='20ms'/>three <break/>", "One two three [pause]"),
        ("<p>One.</p><p>Two <break/>\n three</p>", "One.\n\nTwo [pause] three"),
        ("<emphasis>One</emphasis> <break/><sub alias='Doctor'>Dr</sub> Who", "One [pause] Doctor Who"),
        ("<say-as interpret-as='characters'>NCR</say-as> <break/> x", "N C R [pause] x"),
        ("<say-as interpret-as='date'>1</say-as> <break/> x", "1 [pause] x"),
        ("R&amp;D &lt;3 <break/>", "R&D <3 [pause]"),
    ],
)
def test_chirps_breaks_are_pause_marks_since_it_ignores_the_element(ssml: str, markup: str) -> None:
    form, content = only(CHIRP, text=None, ssml=f"<speak>{ssml}</speak>")
    assert (form, re.sub("\n+", "\n", content)) == (InputForm.MARKUP, re.sub("\n+", "\n", markup))


def test_the_rate_of_ssml_is_a_factor_of_the_jobs() -> None:
    ssml = "<speak><prosody rate='150%'>all of it</prosody></speak>"
    assert rendered_job(CHIRP, text=None, ssml=ssml, speaking_rate=0.5).speaking_rate == pytest.approx(0.75)


def test_phonemes_stand_beside_the_markup() -> None:
    vault, none = "<phoneme alphabet='x-sampa' ph='v'>Vault</phoneme>", "<phoneme alphabet='ipa' ph=''>x</phoneme>"
    ssml = f"<speak>A {vault} <break/> {none}</speak>"
    (entry,) = rendered_job(CHIRP, text=None, ssml=ssml).inputs
    assert entry.content == "A Vault [pause] x"
    assert [(each.phrase, each.phonetic, each.alphabet) for each in entry.pronunciations] == [("Vault", "v", "x-sampa")]


@pytest.mark.parametrize(
    ("ssml", "rate"),
    [
        ("<prosody rate='slow'>all of it</prosody>", 0.75),
        ("<p><prosody rate='150%'><s>all</s> <s>of it</s></prosody></p>", 1.5),
        ("<prosody rate='+20%'>all of it</prosody> <break/> ...", 1.2),
        ("<prosody rate='-20%'>all of it</prosody>", 0.8),
        ("<prosody rate='0.9'><prosody rate='200%'>all of it</prosody></prosody>", 1.8),
        ("<prosody rate='900%'>all of it</prosody>", 2.0),
        ("<prosody rate='0'>all of it</prosody>", 0.25),
        ("a part <prosody rate='slow'>of it</prosody>", 1.0),
        ("<prosody rate='slow'>a part</prosody> <prosody rate='slow'>of it</prosody>", 1.0),
        ("<prosody rate='soon' pitch='high'>all of it</prosody>", 1.0),
        ("all of it", 1.0),
    ],
)
def test_the_rate_of_the_whole_line_goes_into_chirps_audio_config(ssml: str, rate: float) -> None:
    chirp = rendered_job(CHIRP, text=None, ssml=f"<speak>{ssml}</speak>")
    assert chirp.speaking_rate == pytest.approx(rate)
    assert "prosody" not in chirp.inputs[0].content
    assert rendered_job(WAVENET, text=None, ssml=f"<speak>{ssml}</speak>").speaking_rate == 1.0


def test_what_chirp_does_not_know_is_taken_out_of_ssml_and_all_words_stay_in_order() -> None:
    form, content = only(CHIRP, text=None, ssml=SSML)
    assert form is InputForm.SSML
    root = fromstring(content)  # noqa: S314  # our own
    assert "".join(root.itertext()) == "One two three four five" + "six" + " seven"
    assert {element.tag for element in root.iter()} == {"speak", "sub", "p"}


_ELEMENTS = st.sampled_from(["p", "s", "emphasis", "prosody", "say-as", "sub"])
_TEXT = st.sampled_from(["", "a", "b &amp; c", " d ", "中", "&lt;"])


def _wrapped(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    element = st.tuples(_ELEMENTS, _TEXT, st.lists(inner, max_size=3), _TEXT)
    return element.map(lambda e: f"<{e[0]}>{e[1]}{''.join(e[2])}</{e[0]}>{e[3]}")


@settings(max_examples=80, deadline=None)
@given(st.recursive(_TEXT, _wrapped, max_leaves=15))
def test_filtering_for_chirp_keeps_all_words_of_any_ssml(inner: str) -> None:
    ssml = f"<speak>word {inner} end</speak>"
    _, content = only(CHIRP, text=None, ssml=ssml)
    root = fromstring(content)  # noqa: S314  # our own
    assert "".join(root.itertext()) == "".join(fromstring(ssml).itertext())  # noqa: S314  # our own
    assert not {"emphasis", "prosody"} & {element.tag for element in root.iter()}


@pytest.mark.timeout(20)
def test_ssml_as_deep_as_its_limit_lets_it_be_is_filtered_for_chirp() -> None:
    depth = MAX_SSML_DEPTH - 2
    ssml = "<speak>" + "<p>" * depth + "<emphasis>a</emphasis>" + "</p>" * depth + "</speak>"
    _, content = only(CHIRP, text=None, ssml=ssml)
    assert "emphasis" not in content
    assert content.count("<p>") == depth


def test_letters_count_one_chinese_characters_three_and_marks_nothing() -> None:
    assert spoken_units("Hi, you 2! [pause long]") == 6
    assert spoken_units("避難所") == 9
    assert spoken_units("... — 🙂") == 0


@settings(max_examples=80, deadline=None)
@given(st.recursive(_TEXT, _wrapped, max_leaves=15))
def test_markup_for_chirp_has_all_words_that_are_spoken_in_their_order(inner: str) -> None:
    ssml = f"<speak>word <break/> {inner} end</speak>"
    form, content = only(CHIRP, text=None, ssml=ssml)
    assert form is InputForm.MARKUP
    spoken = "".join(fromstring(ssml).itertext())  # noqa: S314  # our own
    assert "".join(content.replace("[pause]", "").split()) == "".join(spoken.split())


@MODELS
def test_pauses_are_known_to_the_audio_check_in_text_and_in_ssml(voice_model: Any) -> None:
    line = rendered_job(voice_model, text="One [pause] two [pause long] three [pause short].")
    assert line.pause_seconds == pytest.approx(0.6 + 1.2 + 0.25)
    ssml = (
        "<speak>One <break time='1500ms'/> two <break time='20s'/><break time='.5s'/><break strength='weak'/></speak>"
    )
    line = rendered_job(voice_model, text=None, ssml=ssml)
    # Chirp's longest pause is about 1.2 s.
    assert line.pause_seconds == pytest.approx(22.0 if voice_model is WAVENET else 1.2 + 1.2 + 0.6 + 0.25)
    assert line.spoken_units == 6


def test_what_stands_in_a_subs_place_is_what_is_said() -> None:
    line = rendered_job(WAVENET, text=None, ssml="<speak><sub alias='a very long way'>x</sub> y</speak>")
    assert line.spoken_units == 13


@pytest.mark.parametrize("time", ["", "soon", "1", "1m", "-1s", "1.2.3s", "9" * 400 + "s"])
def test_a_nonsense_break_harms_nothing(time: str) -> None:
    for voice_model in (CHIRP, WAVENET):
        line = rendered_job(voice_model, text=None, ssml=f"<speak>a<break time='{time}'/></speak>")
        assert 0 <= line.pause_seconds <= 60


@pytest.mark.parametrize("rate", ["0%", "-300%", "9" * 400, "9" * 400 + "%"])
def test_a_nonsense_rate_harms_nothing(rate: str) -> None:
    ssml = f"<speak><prosody rate='0%'><prosody rate='{rate}'>a</prosody></prosody></speak>"
    for voice_model in (CHIRP, WAVENET):
        line = rendered_job(voice_model, text=None, ssml=ssml)
        assert 0.25 <= line.speaking_rate <= 2.0
        assert abs(line.extra_units.most) < 1000
