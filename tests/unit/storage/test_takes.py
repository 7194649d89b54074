"""A take's key: everything that changes the sound, and nothing else."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.enums import AudioEncoding, PhoneticAlphabet
from schemas.job import Pronunciation
from tests.unit.makers import CHIRP, WAVENET, rendered, rendered_job
from worker.speech.catalogue import Voice
from worker.speech.render import Input, InputForm
from worker.storage.takes import EXTENSIONS, content_type, is_beside_takes, probe_key, report_key, take_key

KEY = re.compile(r"takes/pip_boy/(chirp3-hd|wavenet)/([0-9a-f]{2})/([0-9a-f]{64})\.[a-z0-9.]+")
BASE = rendered()


def key(line: Any = BASE, take: int = 1, prefix: str = "takes") -> str:
    return take_key(prefix, "pip_boy", line, take)


@pytest.mark.parametrize("encoding", AudioEncoding)
@pytest.mark.parametrize("voice_model", [CHIRP, WAVENET])
def test_a_key_has_the_form_of_the_design(encoding: AudioEncoding, voice_model: Any) -> None:
    made = key(replace(BASE, encoding=encoding, voice=replace_voice(voice_model=voice_model)))
    found = KEY.fullmatch(made)
    assert found
    assert found[1] == voice_model
    assert found[3].startswith(found[2])
    assert made.endswith("." + EXTENSIONS[encoding])


def test_the_type_of_pcm_says_the_order_of_its_bytes_its_rate_and_its_channels() -> None:
    assert content_type(AudioEncoding.PCM, 16000) == (
        "audio/x-raw; format=S16LE; rate=16000; channels=1; layout=interleaved"
    )
    assert content_type(AudioEncoding.OGG_OPUS, 24000) == "audio/ogg"


def test_a_probe_is_no_take_whatever_the_prefix() -> None:
    assert [probe_key(prefix, "1f") for prefix in ("", "a/b")] == [".probe-1f", "a/b/.probe-1f"]
    for prefix in ("", "a/b"):
        assert is_beside_takes(probe_key(prefix, "1f"))
        assert is_beside_takes(report_key(prefix, "1f"))
    assert not is_beside_takes(key())


def replace_voice(**changes: Any) -> Voice:
    return BASE.voice.model_copy(update=changes)


def test_an_empty_prefix_leaves_no_slash_in_front() -> None:
    assert key(prefix="") == key().removeprefix("takes/")
    assert key(prefix="a/b").startswith("a/b/pip_boy/")


SAID = Pronunciation(phrase="Hello", phonetic="x")
OTHER_SOUNDS = {
    "voice model": {"voice": replace_voice(voice_model=WAVENET)},
    "voice": {"voice": replace_voice(name="en-US-Chirp3-HD-Kore")},
    "language": {"voice": replace_voice(locale="en-GB")},
    "text": {"inputs": (Input(InputForm.TEXT, "Hello!"),)},
    "form": {"inputs": (Input(InputForm.MARKUP, "Hello."),)},
    "form SSML": {"inputs": (Input(InputForm.SSML, "Hello."),)},
    "two parts": {"inputs": (Input(InputForm.TEXT, "Hel"), Input(InputForm.TEXT, "lo."))},
    "other two parts": {"inputs": (Input(InputForm.TEXT, "Hell"), Input(InputForm.TEXT, "o."))},
    "pronunciation": {"inputs": (Input(InputForm.TEXT, "Hello.", (SAID,)),)},
    "phonetic": {"inputs": (Input(InputForm.TEXT, "Hello.", (SAID.model_copy(update={"phonetic": "y"}),)),)},
    "alphabet": {
        "inputs": (Input(InputForm.TEXT, "Hello.", (SAID.model_copy(update={"alphabet": PhoneticAlphabet.X_SAMPA}),)),)
    },
    "rate": {"speaking_rate": 1.01},
    "pitch": {"pitch": -0.5},
    "gain": {"volume_gain_db": 1.0},
    "encoding": {"encoding": AudioEncoding.MP3},
    "sample rate": {"sample_rate": 48000},
}


def test_everything_that_changes_the_sound_changes_the_hash() -> None:
    hashes = {name: key(replace(BASE, **change)).split("/")[-1].split(".")[0] for name, change in OTHER_SOUNDS.items()}
    hashes["as it was"] = key().split("/")[-1].split(".")[0]
    hashes["the next take"] = key(take=2).split("/")[-1].split(".")[0]
    assert len(set(hashes.values())) == len(hashes)


def test_what_only_the_audio_check_needs_changes_no_key() -> None:
    assert key(replace(BASE, spoken_units=99, pause_seconds=3.0)) == key()


@pytest.mark.parametrize("voice_model", [CHIRP, WAVENET])
@pytest.mark.parametrize(
    "change",
    [
        {"job_id": "another"},
        {"user_id": "u"},
        {"rollout_key": "r"},
        {"labels": {"a": "b"}},
        {"deadline": "2026-01-31T12:00:00Z"},
        {"pronunciations": [{"phrase": "nowhere in it", "phonetic": "x"}]},
        {"speaking_rate": 1},
        {"volume_gain_db": 0},
        {"voice": "wavenet"},
        {"audio": {"sample_rate": 24000, "encoding": "OGG_OPUS"}},
    ],
)
def test_nothing_else_of_a_job_changes_its_key(voice_model: Any, change: dict[str, Any]) -> None:
    assert key(rendered_job(voice_model, **change)) == key(rendered_job(voice_model))


def test_a_pitch_changes_wavenets_take_and_not_chirps_that_cannot_have_one() -> None:
    assert key(rendered_job(CHIRP, pitch=5)) == key(rendered_job(CHIRP))
    assert key(rendered_job(WAVENET, pitch=5)) != key(rendered_job(WAVENET))


def test_a_key_stays_what_it_was() -> None:
    # Another form makes every stored take anew: at Google's prices, and in other voices.
    assert key() == KEPT


KEPT = "takes/pip_boy/chirp3-hd/d0/d0130d5e352abf9289ef8d9fc0fd4395ee7d3c702325619531f491675ee3470d.ogg"


_INPUTS = st.lists(
    st.builds(
        Input,
        st.sampled_from(InputForm),
        st.text(st.sampled_from('ab",[]:\\\u00e9'), max_size=4),
        st.lists(
            st.builds(
                lambda phrase, phonetic: Pronunciation(phrase=phrase, phonetic=phonetic),
                st.text("ab,", min_size=1, max_size=2),
                st.text("ab,", min_size=1, max_size=2),
            ),
            max_size=2,
        ).map(tuple),
    ),
    min_size=1,
    max_size=3,
).map(tuple)
_LINES = st.builds(
    lambda **given: replace(BASE, **given),
    inputs=_INPUTS,
    speaking_rate=st.sampled_from([1.0, 1.1, 0.25]),
    pitch=st.sampled_from([0.0, 1.0]),
    volume_gain_db=st.sampled_from([0.0, 1.1]),
    encoding=st.sampled_from(AudioEncoding),
    sample_rate=st.sampled_from([24000, 48000]),
    voice=st.sampled_from([BASE.voice, replace_voice(name="x"), replace_voice(voice_model=WAVENET)]),
)


@settings(max_examples=150, deadline=None)
@given(_LINES, _LINES, st.integers(1, 3), st.integers(1, 3))
def test_two_requests_share_a_key_only_if_they_are_the_same(one: Any, other: Any, take: int, other_take: int) -> None:
    assert (key(one, take) == key(other, other_take)) == ((one, take) == (other, other_take))


@settings(max_examples=80, deadline=None)
@given(_LINES, st.integers(1, 10**6))
def test_no_key_leaves_its_prefix(line: Any, take: int) -> None:
    assert KEY.fullmatch(key(line, take))
