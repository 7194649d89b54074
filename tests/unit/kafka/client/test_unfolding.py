"""A batch that unfolds to too much is one record that names it; all others are read as before."""

from __future__ import annotations

import struct
from contextlib import suppress
from itertools import islice
from random import Random
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.codec import gzip_encode, lz4_encode, snappy_encode, zstd_encode
from aiokafka.consumer import fetcher
from aiokafka.errors import CorruptRecordException, UnsupportedCodecError
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.legacy_records import LegacyRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords
from aiokafka.record.util import calc_crc32c

from worker.kafka.client import consumer, unfolding
from worker.kafka.client.unfolding import MOST_BYTES, OversizedBatch

assert consumer, "its import bounds the batches"
CODECS = {"gzip": 1, "snappy": 2, "lz4": 3, "zstd": 4}
LANE = TopicPartition("tts.batch", 3)


def batch(offset: int, codec: int, *values: bytes) -> bytes:
    builder = DefaultRecordBatchBuilder(2, codec, 0, -1, -1, -1, 2**31 - 1)
    for number, value in enumerate(values):
        builder.append(number, 1234, b"k", value, [("h", b"1")])
    wire = bytearray(builder.build())
    struct.pack_into(">q", wire, 0, offset)
    return bytes(wire)


def fetched(*batches: bytes, at: int = 0) -> Any:
    return fetcher.PartitionRecords(LANE, MemoryRecords(b"".join(batches)), None, at, None, None, True, 1)  # noqa: FBT003  # aiokafka's own order


@pytest.mark.parametrize("codec", CODECS.values(), ids=CODECS)
def test_what_is_compressed_is_read_as_it_was_written(codec: int) -> None:
    values = [b"%d " % n * n for n in range(200)]
    assert [each.value for each in fetched(batch(7, codec, *values), at=7)] == values


@pytest.mark.parametrize("codec", CODECS.values(), ids=CODECS)
def test_a_bomb_is_one_record_that_names_its_offsets_and_the_partition_goes_on_after_it(codec: int) -> None:
    bomb = batch(8, codec, b"first", bytes(MOST_BYTES), b"last")
    records = fetched(batch(7, codec, b"before"), bomb, batch(11, codec, b"after"), at=7)
    before, oversized = list(records)
    assert before.value == b"before"
    assert isinstance(oversized, OversizedBatch)
    assert (oversized.first_offset, oversized.offset, oversized.value) == (8, 10, None)
    assert (oversized.timestamp, oversized.headers) == (1234, ())
    assert "offsets 8 to 10 of tts.batch/3" in oversized.unreadable
    assert records.next_fetch_offset == 11
    (after,) = fetched(batch(11, codec, b"after"), at=11)
    assert after.value == b"after"


def test_a_batch_of_exactly_the_most_is_read() -> None:
    overhead = 100
    (record,) = fetched(batch(0, CODECS["zstd"], bytes(MOST_BYTES - overhead)))
    assert len(record.value) == MOST_BYTES - overhead


def test_a_bomb_of_the_old_format_is_held_back_too() -> None:
    builder = LegacyRecordBatchBuilder(1, 1, 2**31 - 1)
    builder.append(0, 1, b"k", bytes(MOST_BYTES))
    with pytest.raises(unfolding._UnfoldsTooFarError):
        next(iter(MemoryRecords(bytes(builder.build())).next_batch()))


ENCODED = {"gzip": gzip_encode, "zstd": zstd_encode, "lz4": lz4_encode, "snappy": snappy_encode}


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("broken", [lambda data: data[: len(data) // 2], lambda data: b"\xff" * len(data)])
def test_what_cannot_be_unfolded_is_a_corrupt_batch(codec: str, broken: Any) -> None:
    decode = getattr(unfolding, f"_{codec}")
    with pytest.raises(CorruptRecordException):
        decode(broken(ENCODED[codec](bytes(range(256)) * 400)))


def test_gzip_of_several_members_is_read_whole_and_bounded_together() -> None:
    assert unfolding._gzip(gzip_encode(b"one") + gzip_encode(b"two")) == b"onetwo"
    half = gzip_encode(bytes(MOST_BYTES // 2 + 1))
    with pytest.raises(unfolding._UnfoldsTooFarError):
        unfolding._gzip(half + half)


def test_gzip_of_thousands_of_empty_members_is_corrupt_and_takes_no_time() -> None:
    assert unfolding._gzip(gzip_encode(b"x") * 64) == b"x" * 64
    with pytest.raises(CorruptRecordException, match="more than 64 members"):
        unfolding._gzip(gzip_encode(b"") * 40_000)


@pytest.mark.parametrize("cut", [1, 2, 3])
def test_snappy_that_ends_within_the_length_of_a_block_is_corrupt(cut: int) -> None:
    with pytest.raises(CorruptRecordException):
        unfolding._snappy(snappy_encode(b"one") + bytes(4)[:cut])


@pytest.mark.parametrize("codec", [0, *CODECS.values()])
def test_whatever_a_batch_holds_it_is_read_or_unreadable_in_one_of_the_known_ways(codec: int) -> None:
    good, random = batch(0, codec, b"one", b"two", b"three"), Random(codec)
    for _ in range(1_000):
        bad = bytearray(good)
        for _ in range(random.randint(1, 3)):
            bad[random.randrange(21, len(bad))] = random.choice([random.randrange(256), 0, 127, 128, 255])
        # A producer that is broken writes the right checksum of what is wrong.
        struct.pack_into(">I", bad, 17, calc_crc32c(bytes(bad[21:])))
        with suppress(CorruptRecordException, UnsupportedCodecError, UnicodeDecodeError):
            assert len(list(islice(fetched(bytes(bad)), 100))) <= 100


def test_snappy_of_one_raw_block_is_read_and_bounded() -> None:
    assert unfolding._snappy(snappy_encode(b"one", xerial_compatible=False)) == b"one"
    with pytest.raises(unfolding._UnfoldsTooFarError):
        unfolding._snappy(snappy_encode(bytes(MOST_BYTES + 1), xerial_compatible=False))
