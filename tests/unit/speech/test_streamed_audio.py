"""What can be streamed, how Google is asked for it, and that the pieces together are what a call would have given."""

from __future__ import annotations

import io
from itertools import pairwise

import pytest
import soundfile
from google.cloud import texttospeech_v1 as tts
from hypothesis import given
from hypothesis import strategies as st

from schemas.enums import AudioEncoding
from tests.unit.makers import CHIRP, WAVENET, audio, rendered, rendered_job
from worker.speech.audio_format import read_header
from worker.speech.google import stream_requests
from worker.speech.render import Input, InputForm
from worker.speech.streamed_audio import StreamedFile, stream_encoding

PCM, OPUS, WAV = AudioEncoding.PCM, AudioEncoding.OGG_OPUS, AudioEncoding.LINEAR16
SAMPLES = audio(PCM, 0.5)


@pytest.mark.parametrize(
    ("asked", "streamed"), [(OPUS, OPUS), (PCM, PCM), (WAV, PCM), *((each, None) for each in ("MP3", "MULAW", "ALAW"))]
)
def test_opus_and_samples_are_streamed_and_no_other_encoding(
    asked: AudioEncoding, streamed: AudioEncoding | None
) -> None:
    assert stream_encoding(rendered(encoding=AudioEncoding(asked))) is streamed


def test_wavenet_ssml_and_another_volume_are_not_streamed() -> None:
    assert stream_encoding(rendered_job(CHIRP)) is OPUS
    assert stream_encoding(rendered_job(CHIRP, text="Wait. [pause] Go.", pitch=2.0, speaking_rate=1.5)) is OPUS
    assert stream_encoding(rendered_job(WAVENET)) is None
    assert stream_encoding(rendered_job(CHIRP, volume_gain_db=-6.0)) is None
    ssml = Input(InputForm.SSML, "<speak>Hello.</speak>")
    assert stream_encoding(rendered(inputs=(Input(InputForm.TEXT, "Hi."), ssml))) is None


@given(st.lists(st.integers(0, len(SAMPLES) // 2), max_size=6))
def test_all_pieces_together_are_the_file_however_they_are_cut(cuts: list[int]) -> None:
    borders = [0, *sorted(2 * each for each in cuts), len(SAMPLES)]
    pieces = [SAMPLES[start:end] for start, end in pairwise(borders) if end > start]
    for encoding, header in ((PCM, 0), (WAV, 44)):
        file = StreamedFile(encoding, 24000)
        heard = b"".join(map(file.add, pieces))
        assert file.whole()[header:] == heard[header:] == SAMPLES
        assert len(heard) == len(SAMPLES) + header
        assert read_header(file.whole(), encoding, 24000).findings == ()


def test_players_read_a_wav_that_is_still_on_its_way() -> None:
    file = StreamedFile(WAV, 16000)
    heard = file.add(SAMPLES[:8000]) + file.add(SAMPLES[8000:])
    info = soundfile.info(io.BytesIO(heard))
    assert (info.format, info.subtype, info.samplerate, info.channels) == ("WAV", "PCM_16", 16000, 1)
    assert info.frames == len(SAMPLES) // 2


def test_a_stream_without_audio_is_no_file() -> None:
    for encoding in (PCM, OPUS, WAV):
        file = StreamedFile(encoding, 24000)
        assert (file.is_empty, file.whole()) == (True, b"")


def test_google_is_told_how_to_speak_first_and_then_each_part_of_the_line() -> None:
    says = [{"phrase": "Nuka", "phonetic": "ˈnuːkə"}, {"phrase": "Vault", "phonetic": "vɔːlt"}]
    text = "The Nuka bottle is empty. " * 200 + "[pause] Back to the Vault."
    line = rendered_job(CHIRP, text=text, pronunciations=says, speaking_rate=1.2)
    assert len(line.inputs) > 1
    config, *inputs = stream_requests(line, PCM)
    streaming = config.streaming_config
    assert (streaming.voice.name, streaming.voice.language_code) == ("en-US-Chirp3-HD-Puck", "en-US")
    asked = streaming.streaming_audio_config
    assert (asked.audio_encoding, asked.sample_rate_hertz) == (tts.AudioEncoding.PCM, 24000)
    assert asked.speaking_rate == pytest.approx(1.2)
    phrases = sorted(each.phrase for each in streaming.custom_pronunciations.pronunciations)
    assert phrases == ["Nuka", "Vault"], "each once, whatever number of parts has it"
    assert "".join(each.input.text or each.input.markup for each in inputs).split() == text.split()
    assert [bool(each.input.markup) for each in inputs] == [each.form is InputForm.MARKUP for each in line.inputs]
    assert not any(each.HasField("streaming_config") for each in inputs)
