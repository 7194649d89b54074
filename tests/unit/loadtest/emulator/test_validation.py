"""The emulator's pure parts: voices, validation, markup, prosody, faults and quota."""

from collections import Counter
from random import Random
from typing import Any

import grpc
import pytest
from google.cloud import texttospeech_v1 as tts
from pydantic import ValidationError

from loadtest.emulator.engines.espeak_timbre import timbre_of
from loadtest.emulator.faults import Faults
from loadtest.emulator.markup import Pause, SpokenText, parse_markup, parse_ssml, sentences
from loadtest.emulator.prosody import prosody_for
from loadtest.emulator.quota import Quota
from loadtest.emulator.service import draw_latency
from loadtest.emulator.settings import ConstantLatency, EmulatorSettings, Fault, LognormalLatency
from loadtest.emulator.synthesizer import canned_seconds
from loadtest.emulator.validation import RefusedError, ValidRequest, validate
from loadtest.emulator.voices import VOICES

KORE = "en-US-Chirp3-HD-Kore"
WAVENET = "cmn-TW-Wavenet-B"


def request(
    voice: str = KORE, *, settings: EmulatorSettings | None = None, language: str = "", **config: Any
) -> ValidRequest:
    content = {form: config.pop(form) for form in ("text", "ssml", "markup") if form in config}
    said = config.pop("custom_pronunciations", None)
    request = tts.SynthesizeSpeechRequest(
        input=tts.SynthesisInput(**(content or {"text": "Hello."}), custom_pronunciations=said),
        voice={"language_code": language or "-".join(voice.split("-")[:2]), "name": voice},
        audio_config={"audio_encoding": "LINEAR16", **config},
    )
    return validate(tts.SynthesizeSpeechRequest.pb(request), settings or EmulatorSettings())


def refusal(voice: str = KORE, **config: Any) -> str:
    with pytest.raises(RefusedError) as refused:
        request(voice, **config)
    assert refused.value.code is grpc.StatusCode.INVALID_ARGUMENT
    return refused.value.message


def test_thirty_chirp_names_exist_in_every_locale_of_the_page_and_none_in_cmn_tw() -> None:
    by_locale = Counter(voice.locale for voice in VOICES.values() if voice.model == "chirp3-hd")
    assert set(by_locale.values()) == {30}
    assert len(by_locale) == 52
    assert "cmn-TW" not in by_locale


def test_wavenet_letters_have_the_genders_that_google_gives_them() -> None:
    def letters(locale: str, gender: str) -> str:
        fitting = [v for v in VOICES.values() if v.locale == locale and v.model == "wavenet"]
        return "".join(voice.persona for voice in fitting if voice.gender == gender)

    assert (letters("en-US", "male"), letters("en-US", "female")) == ("ABDIJ", "CEFGH")
    assert (letters("cmn-TW", "female"), letters("cmn-TW", "male")) == ("A", "BC")
    assert len(letters("cmn-CN", "female") + letters("cmn-CN", "male")) == 4


def test_pitch_with_chirp_is_refused_with_googles_message() -> None:
    assert refusal(pitch=-2.0) == "This voice does not support pitch parameters at this time."
    assert request(WAVENET, pitch=-2.0).pitch_st == -2.0


def test_five_thousand_bytes_are_the_limit_whatever_the_characters() -> None:
    chinese = "你好。" * 600
    assert "longer than the limit of 5000 bytes" in refusal(WAVENET, text=chinese)
    assert request(WAVENET, text=chinese[:1600]).input == chinese[:1600]
    assert request(text="Go. " * 1250).form == "text"
    assert "5000" in refusal(text="Go. " * 1250 + ".")


def test_a_long_sentence_is_refused_and_many_short_ones_are_not() -> None:
    assert "sentences that are too long" in refusal(text="word " * 65 + "end.")
    assert request(text="Only a few words. " * 100)
    assert "sentences that are too long" in refusal(WAVENET, text="風" * 321)
    assert request(WAVENET, text=("風" * 300 + "。") * 4)
    assert "too long" in refusal(ssml=f"<speak>{'word ' * 40}<mark name='a'/>{'word ' * 40}</speak>")
    assert request(ssml=f"<speak><s>{'word ' * 40}</s><s>{'word ' * 40}</s></speak>")
    assert "too long" in refusal(text="Four words are enough.", settings=EmulatorSettings(max_sentence_characters=20))


def test_a_sentence_is_as_long_as_it_is_spoken() -> None:
    assert "too long" in refusal(text=("Dr. Mason of St. Louis and Vault No. 21 " * 9) + "left.")
    assert "too long" in refusal(WAVENET, text="123456789 " * 27 + "9.")
    assert request(text="He met Dr. Mason. They left. " * 20)


def test_chinese_is_pronounced_in_pinyin_alone_and_other_languages_never() -> None:
    def said(encoding: str) -> dict[str, Any]:
        entry = {"phrase": "Hello", "phonetic_encoding": f"PHONETIC_ENCODING_{encoding}", "pronunciation": "x"}
        return {"pronunciations": [entry]}

    chinese = "cmn-CN-Chirp3-HD-Kore"
    assert request(chinese, custom_pronunciations=said("PINYIN"))
    assert request(KORE, custom_pronunciations=said("IPA"))
    assert "PHONETIC_ENCODING_IPA" in refusal(chinese, custom_pronunciations=said("IPA"))
    assert "PHONETIC_ENCODING_PINYIN" in refusal(KORE, custom_pronunciations=said("PINYIN"))
    phoneme = "<speak><phoneme alphabet='{}' ph='x'>x</phoneme></speak>"
    assert request(WAVENET, ssml=phoneme.format("pinyin"))
    assert "'ipa'" in refusal(WAVENET, ssml=phoneme.format("ipa"))
    assert "'pinyin'" in refusal(KORE, ssml=phoneme.format("pinyin"))


def test_a_voice_that_was_removed_does_not_exist() -> None:
    gone = EmulatorSettings(removed_voices=(KORE,))
    assert refusal(settings=gone) == f"Voice '{KORE}' does not exist. Is it misspelled?"
    assert request(WAVENET, settings=gone).voice.name == WAVENET


def test_pcm_is_refused_for_chirp_alone_in_googles_words() -> None:
    assert refusal(audio_encoding="PCM") == "This voice currently only supports LINEAR16, MP3, OGG_OPUS, MULAW, ALAW."
    assert request(WAVENET, audio_encoding="PCM").encoding == "PCM"


@pytest.mark.parametrize(
    ("config", "named"),
    [
        ({"speaking_rate": 0.2}, "speaking_rate"),
        ({"speaking_rate": 2.1}, "speaking_rate"),
        ({"pitch": 21.0}, "pitch"),
        ({"volume_gain_db": 16.5}, "volume_gain_db"),
        ({"volume_gain_db": -97.0}, "volume_gain_db"),
        ({"speaking_rate": float("nan")}, "speaking_rate"),
        ({"audio_encoding": "OGG_OPUS", "sample_rate_hertz": 22_050}, "22050"),
        ({"audio_encoding": "MP3", "sample_rate_hertz": 96_000}, "96000"),
        ({"audio_encoding": "AUDIO_ENCODING_UNSPECIFIED"}, "audio encoding"),
        ({"text": ""}, "empty"),
        ({"text": " \n "}, "empty"),
        ({"markup": "Hello [pause]"}, "Chirp 3: HD"),
    ],
)
def test_a_value_out_of_range_is_refused_with_its_name(config: dict[str, Any], named: str) -> None:
    assert named in refusal(WAVENET, **config)


def test_no_input_at_all_is_refused() -> None:
    empty = tts.SynthesizeSpeechRequest.pb()()
    with pytest.raises(RefusedError, match="Exactly one"):
        validate(empty, EmulatorSettings())


@pytest.mark.parametrize(
    ("name", "language"),
    [
        ("cmn-TW-Chirp3-HD-Kore", "cmn-TW"),
        ("en-US-Chirp3-HD-Cora", "en-US"),
        (KORE, "en-GB"),
        ("Kore", "en-US"),
    ],
)
def test_an_unknown_voice_is_refused_with_googles_message(name: str, language: str) -> None:
    assert refusal(name, language=language) == f"Voice '{name}' does not exist. Is it misspelled?"


@pytest.mark.parametrize(
    "ssml",
    [
        "Hello & goodbye",
        "<speak>Hello",
        "<p>Hello</p>",
        "<speak>a < b</speak>",
        "<!DOCTYPE x [<!ENTITY e 'boom'>]><speak>&e;</speak>",
        "<speak><break time='soon'/>Hello</speak>",
    ],
)
def test_bad_ssml_is_refused(ssml: str) -> None:
    assert refusal(WAVENET, ssml=ssml).startswith("Invalid SSML")


def test_ssml_becomes_texts_and_pauses() -> None:
    ssml = (
        "<speak>Wait <break time='700ms'/>for <sub alias='doctor'>Dr.</sub> "
        "<phoneme alphabet='ipa' ph='x'>Li</phoneme></speak>"
    )
    assert parse_ssml(ssml, chirp=False) == (SpokenText("Wait "), Pause(0.7), SpokenText("for doctor Li"))
    assert parse_ssml(ssml, chirp=True) == (SpokenText("Wait for doctor Li"),), "it ignores breaks"


def test_chirp_ignores_unknown_tags() -> None:
    ssml = "<speak>One <emphasis>two</emphasis><mark name='x'/> <prosody rate='slow'>three</prosody></speak>"
    assert parse_ssml(ssml, chirp=True) == (SpokenText("One two three"),)


def test_prosody_changes_rate_and_pitch() -> None:
    ssml = "<speak><prosody rate='slow' pitch='-2st'>One</prosody><prosody rate='150%'>two</prosody></speak>"
    assert parse_ssml(ssml, chirp=False) == (SpokenText("One", 0.75, -2.0), SpokenText("two", 1.5))


def test_pause_tags_become_pauses_and_other_brackets_are_read_aloud() -> None:
    parsed = parse_markup("Stop. [pause long] Go [pace fast] now. [pause short]")
    assert parsed == (SpokenText("Stop. "), Pause(1.2), SpokenText(" Go [pace fast] now. "), Pause(0.25))


def test_sentences_end_where_a_reader_would_end_them() -> None:
    assert sentences('It costs 3.14 caps. "Really?" Yes') == ["It costs 3.14 caps.", '"Really?"', "Yes"]
    assert sentences("走吧！「真的嗎？」好。") == ["走吧！", "「真的嗎？」", "好。"]


def test_every_voice_of_a_locale_sounds_different() -> None:
    for locale in ("en-US", "cmn-CN"):
        voices = [voice for voice in VOICES.values() if voice.locale == locale]
        sounds = set()
        for voice in voices:
            timbre = timbre_of(voice)
            sounds.add((timbre.variant, round(timbre.pitch_st, 3)))
        assert len(sounds) == len(voices)


def test_chirp_varies_and_wavenet_does_not() -> None:
    random = Random(1)
    assert prosody_for(request(), random) != prosody_for(request(), random)
    assert prosody_for(request(WAVENET), random) == prosody_for(request(WAVENET), random)
    assert prosody_for(request(), Random(1)) == prosody_for(request(), Random(1))


class _Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_the_first_matching_fault_applies() -> None:
    faults = Faults(_Clock(), Random(1))
    faults.replace(
        [
            Fault(kind="hang", voice_model="chirp3-hd", text_pattern="radio"),
            Fault(kind="slow", seconds=1, voice=WAVENET),
            Fault(kind="empty"),
        ]
    )

    def kind(voice: str, model: Any, text: str) -> str | None:
        fault = faults.choose(voice, model, text)
        return fault.kind if fault else None

    assert kind(KORE, "chirp3-hd", "a radio") == "hang"
    assert kind(WAVENET, "wavenet", "a radio") == "slow"
    assert kind(KORE, "chirp3-hd", "quiet") == "empty"
    assert kind("nonsense", None, "") == "empty"


def test_a_fault_respects_its_share_its_limit_and_its_times() -> None:
    clock = _Clock()
    faults = Faults(clock, Random(7))
    faults.replace([Fault(kind="empty", share=0.2)])
    met = sum(faults.choose(KORE, "chirp3-hd", "x") is not None for _ in range(2000))
    assert 320 < met < 480

    faults.replace([Fault(kind="empty", limit=3)])
    assert sum(faults.choose(KORE, "chirp3-hd", "x") is not None for _ in range(10)) == 3

    faults.replace([Fault(kind="empty", after_s=5, until_s=10)])
    seen = []
    for clock.now in (100.0, 104.9, 105.0, 109.9, 110.0):
        seen.append(faults.choose(KORE, "chirp3-hd", "x") is not None)
    assert seen == [False, False, True, True, False]


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "status"},
        {"kind": "status", "code": "OK"},
        {"kind": "hang", "code": "UNAVAILABLE"},
        {"kind": "empty", "share": 1.5},
        {"kind": "empty", "text_pattern": "("},
        {"kind": "empty", "after_s": 5, "until_s": 5},
        {"kind": "explode"},
        {"kind": "empty", "shares": 1},
    ],
)
def test_an_invalid_fault_is_an_error(fault: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Fault.model_validate(fault)


def test_the_quota_counts_by_voice_model_and_all_together_in_a_sliding_window() -> None:
    quota = Quota()
    limits = EmulatorSettings(quota={"chirp3-hd": 2, "all": 3}).quota_limits
    assert [quota.take("chirp3-hd", t, limits, 60.0) for t in (0.0, 1.0, 2.0)] == [None, None, "chirp3-hd"]
    assert [quota.take("wavenet", t, limits, 60.0) for t in (3.0, 4.0)] == [None, "all"]
    assert quota.take("chirp3-hd", 60.0, limits, 60.0) is None
    assert EmulatorSettings(quota="google").quota_limits["chirp3-hd"] == 200
    assert EmulatorSettings().quota_limits == {}


def test_latency_grows_with_the_text_and_has_a_tail() -> None:
    random = Random(1)
    latency = LognormalLatency(base_s=0.1, per_character_s=0.01, sigma=0.5)
    drawn = sorted(draw_latency(latency, 90, random) for _ in range(2001))
    assert drawn[1000] == pytest.approx(1.0, rel=0.1)
    assert drawn[1980] > 2.0
    assert draw_latency(ConstantLatency(seconds=0.05), 5000, random) == 0.05


def test_canned_clips_are_as_long_as_the_words_would_be() -> None:
    assert canned_seconds(75, 1.0, dense_script=False) == 5
    assert canned_seconds(22, 1.0, dense_script=True) == 5
    assert canned_seconds(75, 0.5, dense_script=False) == 10
    assert canned_seconds(1, 2.0, dense_script=False) == 1
    assert canned_seconds(1666, 1.0, dense_script=True) == 370
