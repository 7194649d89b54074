"""The offset map: what is read back is what was written or less, and whatever else stands there is no map."""

from __future__ import annotations

import base64
import random
import zlib
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from worker.kafka.consumer.offset_map import (
    MAX_BYTES,
    MAX_TEXT,
    BrokenOffsetMapError,
    Range,
    decode,
    encode,
    joined,
    worst_bytes,
)

VERSION = 1
HEAD = 6
"""Version, form and checksum."""
BASES = st.integers(0, 2**62)
RUNS = st.lists(st.tuples(st.integers(0, 300), st.integers(1, 300)), max_size=60)
LONG_RUNS = st.lists(st.tuples(st.integers(0, 2**50), st.integers(1, 2**50)), max_size=30)


def ranges_of(base: int, runs: list[tuple[int, int]]) -> list[Range]:
    """Ranges from gaps and lengths; those that touch are made one."""
    done = []
    for gap, length in runs:
        done.append((base + gap, base + gap + length))
        base += gap + length
    return joined(done)


def raw_of(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


def sealed(base: int, form: int, body: bytes) -> str:
    """A map's text around any body, with the checksum that makes it pass for one of ours."""
    checksum = zlib.crc32(body, zlib.crc32(f"{base} {form} ".encode())).to_bytes(4, "big")
    return base64.b64encode(bytes((VERSION, form)) + checksum + body).decode()


@given(BASES, RUNS | LONG_RUNS)
def test_what_was_written_is_read_back(base: int, runs: list[tuple[int, int]]) -> None:
    done = ranges_of(base, runs)
    text = encode(base, done)
    assert decode(base, text) == done
    assert len(text) <= MAX_TEXT
    assert text.isascii()
    assert raw_of(text)[0] == VERSION


@pytest.mark.parametrize(
    "done", [[], [(7, 8)], [(8, 9)], [(7, 2**63)], [(2**62, 2**63)], [(7 + 2 * n, 8 + 2 * n) for n in range(5000)]]
)
def test_nothing_one_offset_and_very_many_are_read_back(done: list[Range]) -> None:
    assert decode(7, encode(7, done)) == done


@pytest.mark.parametrize("count", [3_000, 20_000, 50_000])
@pytest.mark.parametrize("widest", [2, 500, 2**40])
def test_of_too_many_ranges_the_first_are_written_and_never_one_that_was_not_done(count: int, widest: int) -> None:
    chance = random.Random(count)
    done = ranges_of(3, [(chance.randint(1, widest), chance.randint(1, widest)) for _ in range(count)])
    text = encode(3, done)
    read = decode(3, text)
    assert len(text) <= MAX_TEXT
    assert read == done[: len(read)]
    assert len(read) > 100, "what there is room for is kept"


@pytest.mark.parametrize("count", [2**14, 2**15, 2**16, 2**17])
@pytest.mark.parametrize("gap", [1, 15, 127])
def test_a_map_that_folds_very_well_can_be_unfolded_again(count: int, gap: int) -> None:
    done = ranges_of(0, [(gap, 1)] * count)
    read = decode(0, encode(0, done))
    assert read == done[: len(read)]
    assert len(read) > 1000


def test_of_runs_and_bitmap_the_shorter_is_written() -> None:
    few = [(1000, 90_000)]
    assert raw_of(encode(0, few))[1] & 1 == 0
    assert len(raw_of(encode(0, few))) < HEAD + 8
    chance = random.Random(1)
    scattered = joined((n, n + 1) for n in range(8000) if chance.random() < 0.5)
    raw = raw_of(encode(0, scattered))
    assert raw[1] & 1 == 1
    assert len(raw) <= HEAD + 1000
    assert decode(0, encode(0, scattered)) == scattered


def test_what_compression_makes_shorter_is_compressed() -> None:
    regular = [(3 * n, 3 * n + 1) for n in range(1, 3000)]
    raw = raw_of(encode(0, regular))
    assert raw[1] & 2 == 2
    assert len(raw) < 200


@settings(max_examples=300)
@given(BASES, st.lists(st.tuples(st.integers(1, 400), st.integers(1, 400)), min_size=1, max_size=200))
@example(base=0, runs=[(1, 1)] * 200)
@example(base=0, runs=[(1, 127)] * 200)
@example(base=0, runs=[(1, 128)] * 200)
@example(base=0, runs=[(128, 128)] * 200)
@example(base=0, runs=[(1, 2**42)] * 200)
def test_no_map_needs_more_than_the_worst(base: int, runs: list[tuple[int, int]]) -> None:
    done = ranges_of(base, runs)
    pending = sum(gap for gap, _ in runs)
    raw = raw_of(encode(base, done))
    assert len(raw) <= worst_bytes(pending, done[-1][1] - base)


def test_the_worst_grows_with_what_it_is_asked_for() -> None:
    for pending, span in ((0, 0), (1, 10), (100, 10_000), (2000, 10_000)):
        assert worst_bytes(pending, span) <= worst_bytes(pending + 1, span)
        assert worst_bytes(pending, span) <= worst_bytes(pending, 2 * span)
    assert worst_bytes(10**6, 8 * MAX_BYTES) <= MAX_BYTES + HEAD + 1


# What isn't a map


@given(st.text(st.characters(exclude_categories=()), max_size=200), BASES)
@example(text="", base=0)
@example(text="AQ==", base=0)
@example(text="AQA=", base=0)
@example(text="AQA=\n", base=0)
@example(text="consumer-1@host", base=0)
def test_any_text_is_no_map(text: str, base: int) -> None:
    with pytest.raises(BrokenOffsetMapError):
        decode(base, text)


@given(st.binary(max_size=200), BASES)
def test_any_bytes_are_no_map(content: bytes, base: int) -> None:
    for each in (content, bytes((VERSION,)) + content, bytes((VERSION, 0)) + content):
        with pytest.raises(BrokenOffsetMapError):
            decode(base, base64.b64encode(each).decode())


@settings(max_examples=300)
@given(st.binary(max_size=300), st.integers(0, 3), st.integers(0, 2**40))
def test_any_body_with_a_right_checksum_is_a_proper_map_or_none(body: bytes, form: int, base: int) -> None:
    for content in (body, zlib.compress(body)):
        try:
            done = decode(base, sealed(base, form, content))
        except BrokenOffsetMapError:
            continue
        assert all(base <= start < end for start, end in done)
        assert all(before[1] < after[0] for before, after in pairwise(done))


@given(st.integers(0, 2**40), RUNS, st.data())
def test_a_map_cut_anywhere_is_no_map(base: int, runs: list[tuple[int, int]], data: st.DataObject) -> None:
    text = encode(base, ranges_of(base, runs))
    with pytest.raises(BrokenOffsetMapError):
        decode(base, text[: data.draw(st.integers(0, len(text) - 1))])
    raw = raw_of(text)
    with pytest.raises(BrokenOffsetMapError):
        decode(base, base64.b64encode(raw[: data.draw(st.integers(0, len(raw) - 1))]).decode())


@given(st.integers(0, 2**40), RUNS, st.data())
def test_a_map_with_any_bit_flipped_is_no_map(base: int, runs: list[tuple[int, int]], data: st.DataObject) -> None:
    raw = bytearray(raw_of(encode(base, ranges_of(base, runs))))
    bit = data.draw(st.integers(0, 8 * len(raw) - 1))
    raw[bit // 8] ^= 1 << bit % 8
    with pytest.raises(BrokenOffsetMapError):
        decode(base, base64.b64encode(raw).decode())


@given(st.integers(0, 2**40), RUNS, st.binary(min_size=1, max_size=20))
def test_a_map_with_something_behind_it_is_no_map(base: int, runs: list[tuple[int, int]], more: bytes) -> None:
    raw = raw_of(encode(base, ranges_of(base, runs)))
    with pytest.raises(BrokenOffsetMapError):
        decode(base, base64.b64encode(raw + more).decode())


@given(BASES, BASES, RUNS)
def test_a_map_that_was_moved_to_another_offset_is_no_map(base: int, other: int, runs: list[tuple[int, int]]) -> None:
    text = encode(base, ranges_of(base, runs))
    if other != base:
        with pytest.raises(BrokenOffsetMapError, match="checksum"):
            decode(other, text)


@pytest.mark.parametrize("form", [2, 3])
@pytest.mark.parametrize("content", [bytes(2**31 // 64), b"\x55" * 2**25, b"\x80" * 2**24, b"\x01" * 2**17])
def test_a_bomb_is_not_unfolded(form: int, content: bytes) -> None:
    folded = zlib.compress(content, 9)
    with pytest.raises(BrokenOffsetMapError, match="too long"):
        decode(0, sealed(0, form, folded))


@pytest.mark.parametrize(
    "body",
    [
        b"\x80",
        b"\x01",
        b"\x01\x80",
        b"\xff" * 9 + b"\x7f" + b"\x80" * 9,
        b"\xff" * 10 + b"\x01",
        b"\x80" * 1000 + b"\x01",
        b"\xff" * 1000,
        b"\x01\x00",
        b"\x01\x01\x00\x01",
    ],
)
def test_huge_and_unfinished_numbers_and_runs_that_are_empty_or_touch_are_no_map(body: bytes) -> None:
    with pytest.raises(BrokenOffsetMapError):
        decode(0, sealed(0, 0, body))


def test_another_version_and_an_unknown_form_are_told_by_name() -> None:
    raw = raw_of(encode(0, [(3, 5)]))
    for head in (b"\x02\x00", b"\x01\x04", b"\x00\x00", b"\x01\xff"):
        with pytest.raises(BrokenOffsetMapError, match=head.hex()):
            decode(0, base64.b64encode(head + raw[2:]).decode())


@given(st.lists(st.tuples(st.integers(0, 100), st.integers(1, 20)).map(lambda each: (each[0], sum(each)))).map(sorted))
def test_joined_ranges_hold_the_same_offsets_and_do_not_touch(ranges: list[Range]) -> None:
    made = joined(ranges)
    assert {n for start, end in made for n in range(start, end)} == {n for a, b in ranges for n in range(a, b)}
    assert all(before[1] < after[0] for before, after in pairwise(made))


@pytest.mark.parametrize("done", [[(7, 2**63 + 1)], [(2**64, 2**64 + 1)], [(8, 9), (2**69, 2**69 + 5)]])
def test_a_map_of_offsets_that_kafka_cannot_have_is_broken(done: list[Range]) -> None:
    with pytest.raises(BrokenOffsetMapError, match="offsets that Kafka can't have"):
        decode(7, encode(7, done))
