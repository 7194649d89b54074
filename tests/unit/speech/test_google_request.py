"""The request for one input: what Google's client calls it, and what Chirp has no name for."""

from __future__ import annotations

from google.cloud import texttospeech_v1 as tts

from schemas.enums import AudioEncoding
from tests.unit.makers import CHIRP, job
from worker.speech.catalogue import Voice
from worker.speech.catalogue_file import load_catalogue
from worker.speech.google import synthesis_request
from worker.speech.render import render


def test_chirp_is_told_pinyin_beside_the_text_and_no_jyutping() -> None:
    voice = Voice(name="cmn-CN-Chirp3-HD-Kore", locale="cmn-CN", voice_model=CHIRP)
    says = [
        {"phrase": "行長", "phonetic": "hang2 zhang3", "alphabet": "pinyin"},
        {"phrase": "這位", "phonetic": "ze5 wai6", "alphabet": "jyutping"},
    ]
    line = render(
        job(text="這位是行長。", language="cmn-TW", pronunciations=says), load_catalogue().characters["pip_boy"], voice
    )
    request = synthesis_request(line.inputs[0], line, AudioEncoding.OGG_OPUS)
    (said,) = request.input.custom_pronunciations.pronunciations
    assert (said.phrase, said.pronunciation) == ("行長", "hang2 zhang3")
    assert said.phonetic_encoding == tts.CustomPronunciationParams.PhoneticEncoding.PHONETIC_ENCODING_PINYIN
    assert request.input.text == "這位是行長。"
