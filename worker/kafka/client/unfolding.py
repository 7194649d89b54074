"""Bounds what a compressed batch may unfold to: 6 kB of zstd can hold 200 MiB, which aiokafka 0.14 unfolds at once.

A batch that would unfold to more is never unfolded whole. In its place there is one record, an `OversizedBatch`, that
names its offsets, and the partition goes on after it.
"""

import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Final

import cramjam
from aiokafka.codec import snappy_decode
from aiokafka.consumer import fetcher
from aiokafka.errors import CorruptRecordException
from aiokafka.record import _crecords as compiled
from aiokafka.record import default_records, legacy_records
from aiokafka.structs import ConsumerRecord

MOST_BYTES: Final = 16 * 2**20
"""What a batch may unfold to: more than ten times the largest record of a lane."""

_GZIP: Final = 16 + zlib.MAX_WBITS
_MOST_MEMBERS: Final = 64
_XERIAL_HEADER: Final = 16
_XERIAL_MAGIC: Final = b"\x82SNAPPY\x00"
_SNAPPY_BLOCK_BYTES: Final = 4

Decode = Callable[[Any], bytes]


class _UnfoldsTooFarError(Exception):
    """A batch would unfold to more than `MOST_BYTES`."""


@dataclass
class OversizedBatch(ConsumerRecord[None, None]):  # type: ignore[misc]  # aiokafka has no types
    """Stands for all records of a batch that unfolds to more than `MOST_BYTES`; `offset` is the batch's last one."""

    first_offset: int = 0

    @property
    def unreadable(self) -> str:
        """What the batch is, and where."""
        return (
            f"its batch, offsets {self.first_offset} to {self.offset} of {self.topic}/{self.partition}, unfolds to "
            f"more than {MOST_BYTES:,} bytes"
        )


class _WatchedBatches:
    """aiokafka's batches of one fetch; `last` is the one that was begun last."""

    def __init__(self, batches: Any) -> None:
        self.has_next = batches.has_next
        self._next_batch = batches.next_batch
        self.last: Any = None

    def next_batch(self) -> Any:
        self.last = self._next_batch()
        return self.last


class _BoundedRecords(fetcher.PartitionRecords):  # type: ignore[misc]  # aiokafka has no types
    """The records of one fetch from one partition."""

    def __init__(self, tp: Any, records: Any, *args: Any) -> None:
        self._watched = _WatchedBatches(records)
        super().__init__(tp, self._watched, *args)

    def __next__(self) -> Any:
        try:
            return super().__next__()
        except (struct.error, IndexError, OverflowError, TypeError) as error:
            # aiokafka's decoder meets what no good client writes, such as a batch of control records without a type.
            raise CorruptRecordException(f"the batch can't be decoded: {type(error).__name__} {error}") from error
        except _UnfoldsTooFarError:
            batch = self._watched.last
            # aiokafka takes the offset after the records of a fetch from here, and fetches again after a failed batch.
            self.next_fetch_offset = batch.next_offset
            last = batch.next_offset - 1
            return OversizedBatch(
                topic=self._tp.topic,
                partition=self._tp.partition,
                offset=last,
                timestamp=batch.max_timestamp,
                timestamp_type=batch.timestamp_type,
                key=None,
                value=None,
                checksum=None,
                serialized_key_size=-1,
                serialized_value_size=-1,
                headers=(),
                first_offset=batch.base_offset,
            )


def bound_unfolding() -> None:
    """Bounds the batches of all consumers of this process; aiokafka has no option for it."""
    fetcher.PartitionRecords = _BoundedRecords
    modules: list[ModuleType] = [default_records, legacy_records]
    modules += [getattr(compiled, name) for name in ("default_records", "legacy_records") if hasattr(compiled, name)]
    decoders: dict[str, Decode] = {
        "gzip_decode": _gzip, "zstd_decode": _zstd, "lz4_decode": _lz4, "snappy_decode": _snappy,
    }  # fmt: skip
    for module in modules:
        for name in decoders.keys() & vars(module).keys():
            setattr(module, name, decoders[name])


def _gzip(payload: Any) -> bytes:
    rest, unfolded, members = bytes(payload), bytearray(), 0
    try:
        while rest:
            # A gzip file may have several members. Kafka's clients write one; each more costs a copy of the rest.
            members += 1
            if members > _MOST_MEMBERS:
                raise CorruptRecordException(f"the batch's gzip has more than {_MOST_MEMBERS} members")
            member = zlib.decompressobj(_GZIP)
            unfolded += member.decompress(rest, MOST_BYTES + 1 - len(unfolded))
            if len(unfolded) > MOST_BYTES:
                raise _UnfoldsTooFarError
            if not member.eof:
                raise CorruptRecordException("the batch's gzip is cut")
            rest = member.unused_data
    except zlib.error as error:
        raise CorruptRecordException(f"the batch can't be unfolded: {error}") from None
    return bytes(unfolded)


def _zstd(payload: Any) -> bytes:
    return _into(cramjam.zstd.decompress_into, payload)


def _lz4(payload: Any) -> bytes:
    return _into(cramjam.lz4.decompress_into, payload)


def _into(unfold: Callable[[Any, bytearray], int], payload: Any) -> bytes:
    # Only what is written of it takes memory.
    room = bytearray(MOST_BYTES)
    try:
        return bytes(memoryview(room)[: unfold(bytes(payload), room)])
    except cramjam.DecompressionError as error:
        if "whole buffer" in str(error):
            raise _UnfoldsTooFarError from None
        raise CorruptRecordException(f"the batch can't be unfolded: {error}") from None


def _snappy(payload: Any) -> bytes:
    data = bytes(payload)
    try:
        if sum(map(cramjam.snappy.decompress_raw_len, _snappy_blocks(data))) > MOST_BYTES:
            raise _UnfoldsTooFarError
        return bytes(snappy_decode(data))
    # struct.error: a block's length is cut.
    except (cramjam.DecompressionError, struct.error) as error:
        raise CorruptRecordException(f"the batch can't be unfolded: {error}") from None


def _snappy_blocks(data: bytes) -> list[bytes]:
    """The raw blocks: Java's producers write several, each after its length; others write one."""
    if len(data) <= _XERIAL_HEADER or not data.startswith(_XERIAL_MAGIC):
        return [data]
    blocks, at = [], _XERIAL_HEADER
    while at < len(data):
        length = int.from_bytes(data[at : at + _SNAPPY_BLOCK_BYTES])
        at += _SNAPPY_BLOCK_BYTES
        blocks.append(data[at : at + length])
        at += length
    return blocks
