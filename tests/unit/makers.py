"""What several unit tests make: jobs, lines as rendered, audio, and strategies for hypothesis."""

from __future__ import annotations

import io
import math
from array import array
from typing import Any

import soundfile
from hypothesis import strategies as st

from schemas.enums import AudioEncoding, VoiceModel
from schemas.job import SAMPLE_RATES, Job
from worker.speech.catalogue import Voice
from worker.speech.catalogue_file import load_catalogue
from worker.speech.render import Input, InputForm, Rendered, render

CATALOGUE = load_catalogue()
CHIRP, WAVENET = VoiceModel.CHIRP3_HD, VoiceModel.WAVENET
FORMATS = {
    AudioEncoding.OGG_OPUS: ("OGG", "OPUS"),
    AudioEncoding.MP3: ("MP3", "MPEG_LAYER_III"),
    AudioEncoding.LINEAR16: ("WAV", "PCM_16"),
    AudioEncoding.MULAW: ("WAV", "ULAW"),
    AudioEncoding.ALAW: ("WAV", "ALAW"),
}


def fields(**changes: Any) -> dict[str, Any]:
    """A good job's document, with changes; a field changed to None is left out."""
    document = {"job_id": "job-1", "character": "pip_boy", "text": "Hello there, wanderer.", **changes}
    return {name: value for name, value in document.items() if value is not None}


def job(**changes: Any) -> Job:
    return Job.model_validate(fields(**changes))


def rendered_job(voice_model: VoiceModel, **changes: Any) -> Rendered:
    made = job(**changes)
    voice = CATALOGUE.voice(made.character, made.language, voice_model)
    assert voice is not None
    return render(made, CATALOGUE.characters[made.character], voice)


def rendered(**changes: Any) -> Rendered:
    """A line as rendered, field by field."""
    given = {
        "voice": Voice(name="en-US-Chirp3-HD-Puck", locale="en-US", voice_model=CHIRP),
        "inputs": (Input(InputForm.TEXT, "Hello."),),
        "speaking_rate": 1.0,
        "pitch": 0.0,
        "volume_gain_db": 0.0,
        "encoding": AudioEncoding.OGG_OPUS,
        "sample_rate": 24000,
        "spoken_units": 5,
        "pause_seconds": 0.0,
    }
    return Rendered(**{**given, **changes})


def audio(encoding: AudioEncoding, seconds: float = 1.0, sample_rate: int = 24000) -> bytes:
    """Two tones of so many seconds, louder and softer three times a second as syllables are."""
    count = round(seconds * sample_rate)
    samples = array(
        "h",
        (
            round(
                (0.55 - 0.45 * math.cos(6 * math.pi * n / sample_rate))
                * (9000 * math.sin(2 * math.pi * 220 * n / sample_rate) + 3000 * math.sin(n / 3 + n * n / 1e6))
            )
            for n in range(count)
        ),
    )
    if encoding is AudioEncoding.PCM:
        return samples.tobytes()
    made = io.BytesIO()
    file_format, subtype = FORMATS[encoding]
    with soundfile.SoundFile(
        made, "w", samplerate=sample_rate, channels=1, format=file_format, subtype=subtype
    ) as sound:
        sound.buffer_write(samples.tobytes(), dtype="int16")
    return made.getvalue()


# What no job may hold in a text: control characters, surrogates, and what begins a mark or a tag.
PLAIN = st.characters(
    exclude_categories=("Cc", "Cs"), exclude_characters="<[\ufffe\uffff", include_characters="中文。！？,.;! \n"
)
WORDS = st.text(PLAIN, max_size=60).map(lambda text: "word " + text)
NAMES = st.text(PLAIN, min_size=1, max_size=20)


@st.composite
def good_documents(draw: Any) -> dict[str, Any]:
    """Documents that are jobs, with any of the optional fields."""
    encoding = draw(st.sampled_from(AudioEncoding))
    optional = {
        "language": st.sampled_from(["en-US", "cmn-TW"]),
        "user_id": NAMES,
        "rollout_key": NAMES,
        "voice": st.sampled_from(["chirp3-hd", "wavenet", "en-US-Wavenet-B"]),
        "audio": st.fixed_dictionaries(
            {"encoding": st.just(encoding.value), "sample_rate": st.sampled_from(SAMPLE_RATES[encoding])}
        ),
        "speaking_rate": st.floats(0.25, 2.0) | st.just(1),
        "pitch": st.floats(-20, 20) | st.just(-3),
        "volume_gain_db": st.floats(-96, 16),
        "pronunciations": st.lists(
            st.fixed_dictionaries(
                {"phrase": NAMES, "phonetic": NAMES}, optional={"alphabet": st.sampled_from(["ipa", "x-sampa"])}
            ),
            max_size=3,
            unique_by=lambda entry: entry["phrase"],
        ),
        "deadline": st.datetimes().map(lambda time: time.replace(microsecond=0).isoformat() + "Z"),
        "take": st.integers(1, 1_000_000),
        "labels": st.dictionaries(NAMES, st.text(PLAIN, max_size=20), max_size=3),
    }
    required = {
        "job_id": st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._:@=+-]{0,127}", fullmatch=True),
        "character": st.sampled_from(sorted(CATALOGUE.names)),
    }
    line = draw(
        st.fixed_dictionaries({"text": WORDS}) | st.just({"ssml": '<speak>Hi <break time="1s"/> there</speak>'})
    )
    document = {**draw(st.fixed_dictionaries(required, optional=optional)), **line}
    # Chinese has other alphabets.
    if "ssml" in document or document.get("language") == "cmn-TW":
        document.pop("pronunciations", None)
    return document
