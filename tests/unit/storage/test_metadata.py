"""A take's metadata are read back as they were written; anything else in a bucket is no take."""

from __future__ import annotations

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.enums import AudioEncoding
from worker.storage.errors import NotATakeError
from worker.storage.metadata import take_from_metadata, take_metadata
from worker.storage.takes import StoredTake

TAKE = StoredTake("takes/a.ogg", 9, "0" * 64, 1.5, AudioEncoding.OGG_OPUS, 24_000, "en-US-Chirp3-HD-Puck")


@given(st.floats(0, 86_399), st.sampled_from(AudioEncoding), st.integers(8_000, 48_000))
def test_what_was_written_is_read_back(duration_s: float, encoding: AudioEncoding, sample_rate: int) -> None:
    take = StoredTake("k", 9, "ab" * 32, round(duration_s, 6), encoding, sample_rate, "cmn-TW-Wavenet-A")
    assert take_from_metadata("k", 9, take_metadata(take)) == take


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(
            ("duration", value)
            for value in ("nan", "inf", "-1", "1e999", "1e3", "1_0", "", " 1", "1" * 400, "\u0661", "1000000")
        ),
        *(
            ("sample-rate", value)
            for value in ("-24000", "24e3", "0x10", "9" * 5000, "", "24_000", "1000000", "0", "7999", "48001")
        ),
        *(("encoding", value) for value in ("ogg_opus", "FLAC", "", "MP3\n")),
        *(("sha256", value) for value in ("", "g" * 64, "0" * 65, "A" * 64)),
        *(("voice", value) for value in ("", "a" * 101, "a\x1b[31m", "a\nb", "\u202e")),
    ],
)
def test_a_value_out_of_its_range_is_no_takes_and_is_named(name: str, value: str) -> None:
    with pytest.raises(
        NotATakeError, match=f"takes/a.ogg exists without a take's metadata .{name}=.*; remove it"
    ) as caught:
        take_from_metadata(TAKE.key, TAKE.size, {**take_metadata(TAKE), name: value})
    assert len(str(caught.value)) < 250
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("name", take_metadata(TAKE))
def test_a_value_that_is_missing_is_named(name: str) -> None:
    left = {each: value for each, value in take_metadata(TAKE).items() if each != name}
    with pytest.raises(NotATakeError, match=re.escape(f"({name} is missing)")):
        take_from_metadata(TAKE.key, TAKE.size, left)


@given(st.dictionaries(st.sampled_from(sorted(take_metadata(TAKE))), st.text(max_size=30)), st.booleans())
def test_whatever_metadata_an_object_has_it_is_a_take_with_plausible_numbers_or_none(
    wrong: dict[str, str], whole: bool
) -> None:
    try:
        take = take_from_metadata("k", 1, (take_metadata(TAKE) if whole else {}) | wrong)
    except NotATakeError:
        return
    assert math.isfinite(take.duration_s)
    assert take.sample_rate > 0
