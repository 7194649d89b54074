"""The header of Ogg Opus is read by its bytes: what is read is what libsndfile says, and the rest is left to it."""

import io
from functools import cache

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from schemas.enums import AudioEncoding
from schemas.job import SAMPLE_RATES
from tests.unit.makers import audio
from worker.speech.audio_check import inspect_audio
from worker.speech.audio_format import BadAudioError
from worker.speech.ogg_opus import Head, read_head, read_pages, with_serial
from worker.speech.sound_check import ExpectedSound

OPUS = AudioEncoding.OGG_OPUS
made = cache(audio)


def heard(data: bytes) -> Head | None:
    pages = read_pages(data)
    return None if pages is None else read_head(data, pages)


def said(data: bytes) -> Head:
    info = soundfile.info(io.BytesIO(data))
    return Head(info.frames, info.samplerate, info.channels)


def encoded(samples: int, rate: int, channels: int = 1) -> bytes:
    file = io.BytesIO()
    with soundfile.SoundFile(file, "w", samplerate=rate, channels=channels, format="OGG", subtype="OPUS") as sound:
        sound.write(0.1 * np.sin(np.outer(np.arange(samples), np.ones(channels)) / 9))
    return file.getvalue()


@given(st.integers(1, 120_000), st.sampled_from(SAMPLE_RATES[OPUS]), st.sampled_from([1, 2]))
def test_a_whole_file_is_read_as_libsndfile_reads_it(samples: int, rate: int, channels: int) -> None:
    data = encoded(samples, rate, channels)
    assert heard(data) == said(data) == Head(samples, rate, channels)


@given(st.integers(0, 18), st.integers(0, 255), st.integers(0, 5))
def test_a_changed_header_is_read_as_libsndfile_reads_it_or_left_to_it(at: int, value: int, page: int) -> None:
    changed = bytearray(made(OPUS, 4.0))
    starts = [found for found in range(len(changed)) if changed.startswith(b"OggS", found)]
    # A byte of the first packet, or of the position of a page; the checksums are right for the new bytes.
    changed[28 + at if page == 0 else starts[min(page, len(starts) - 1)] + 6 + at % 8] = value
    data = with_serial(bytes(changed), 7)
    head = heard(data)
    try:
        expected = said(data)
    except soundfile.LibsndfileError:
        with pytest.raises(BadAudioError):
            inspect_audio(data, OPUS, 24_000, ExpectedSound())
        return
    assert head is None or head == expected


@pytest.mark.parametrize("data", [b"", b"OggS", made(OPUS, 1.0)[:-1], made(AudioEncoding.LINEAR16, 1.0)])
def test_what_is_no_whole_file_is_left_to_libsndfile(data: bytes) -> None:
    assert heard(data) is None


@given(st.integers(9, 16))
def test_a_file_that_ends_before_its_header_does_is_refused(length: int) -> None:
    packets = [b"OpusHead\x01".ljust(length, b"\0"), b"x", b"\x08"]
    lacing = bytes([len(packets), *map(len, packets)])
    page = b"OggS\0\x02" + (960).to_bytes(8, "little") + bytes(12) + lacing + b"".join(packets)
    # With the right checksum.
    data = with_serial(page, 7)
    assert heard(data) is None
    with pytest.raises(BadAudioError):
        inspect_audio(data, OPUS, 24_000, ExpectedSound())
