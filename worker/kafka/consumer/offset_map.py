"""Offset map: encodes the done offsets above a committed offset as text for the commit's metadata. Pure."""

import base64
import binascii
import zlib
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Final

from schemas.errors import ChirpWorkerError

Range = tuple[int, int]
"""Half-open range of offsets: the first is included, the second isn't."""

MAX_TEXT: Final = 4096
"""Kafka's default `offset.metadata.max.bytes`; measured on 4.4.0: 4,096 are accepted, 4,097 refused."""
MAX_BYTES: Final = MAX_TEXT // 4 * 3
"""The limit of a map before base64."""

_VERSION: Final = 1
_RUNS, _BITMAP, _COMPRESSED = 0, 1, 2
# Version, form, checksum.
_CHECKSUM: Final = 4
_HEAD: Final = 2 + _CHECKSUM
# Limits what a map of MAX_BYTES can decompress to: metadata is untrusted input.
_MOST_UNFOLDED: Final = 2**16
_LONGEST_NUMBER: Final = 10
_LAST_END: Final = 2**63
_MORE: Final = 0x80


class BrokenOffsetMapError(ChirpWorkerError):
    """The metadata holds no map that this version can read."""


def encode(base: int, done: Sequence[Range]) -> str:
    """Encodes the offsets done above `base` as the shortest text, of at most `MAX_TEXT` characters.

    Args:
        base: the committed offset.
        done: ascending, with gaps between them, all at or above `base`.
    """
    while True:
        runs = _runs(base, done)
        forms = [(_RUNS, runs)]
        if done and (done[-1][1] - base) // 8 < len(runs):
            forms.append((_BITMAP, _bitmap(base, done)))
        folded = [(form | _COMPRESSED, zlib.compress(body)) for form, body in forms if len(body) < _MOST_UNFOLDED]
        form, shortest = min([*forms, *folded], key=lambda each: len(each[1]))
        if _HEAD + len(shortest) <= MAX_BYTES:
            whole = bytes((_VERSION, form)) + _checksum(base, form, shortest) + shortest
            return base64.b64encode(whole).decode()
        # The first ranges alone are a valid map too: jobs missing from it are repeated after a restart.
        done = done[: len(done) * 3 // 4]


def decode(base: int, text: str) -> list[Range]:
    """Decodes the ranges done above `base`.

    Raises:
        BrokenOffsetMapError: the text holds no map.
    """
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise BrokenOffsetMapError(f"no base64: {error}") from None
    if len(raw) < _HEAD or raw[0] != _VERSION or raw[1] > (_BITMAP | _COMPRESSED):
        raise BrokenOffsetMapError(f"no map of version {_VERSION}: it begins with {raw[:_HEAD].hex() or 'nothing'}")
    form, body = raw[1], raw[_HEAD:]
    if raw[2:_HEAD] != _checksum(base, form, body):
        raise BrokenOffsetMapError("its checksum isn't that of this offset's map")
    if form & _COMPRESSED:
        body = _unfolded(body)
    done = _of_bitmap(base, body) if form & _BITMAP else _of_runs(base, body)
    if done and done[-1][1] > _LAST_END:
        raise BrokenOffsetMapError("it names offsets that Kafka can't have")
    return done


def worst_bytes(pending: int, span: int) -> int:
    """The upper bound of a map's size in bytes, for any order in which its jobs end.

    Args:
        pending: the number of offsets that aren't done.
        span: the distance from the committed offset to the last done one.
    """
    longest = (max(span, 1).bit_length() + 6) // 7
    # Between two pending offsets lies one run of done ones; runs of pending offsets are short.
    return _HEAD + min((pending + 1) * (1 + longest), span // 8 + 1)


def _checksum(base: int, form: int, body: bytes) -> bytes:
    # It covers the offset too: a copy to another cluster (MirrorMaker) changes the offset and keeps the metadata.
    return zlib.crc32(body, zlib.crc32(f"{base} {form} ".encode())).to_bytes(_CHECKSUM, "big")


def _runs(base: int, done: Sequence[Range]) -> bytes:
    out = bytearray()
    at = base
    for start, end in done:
        for number in (start - at, end - start):
            rest = number
            while rest >= _MORE:
                out.append(rest & 0x7F | _MORE)
                rest >>= 7
            out.append(rest)
        at = end
    return bytes(out)


def _of_runs(base: int, body: bytes) -> list[Range]:
    numbers = _numbers(body)
    if len(numbers) % 2:
        raise BrokenOffsetMapError("it ends in the middle of a run")
    done = []
    at = base
    for gap, length in zip(numbers[::2], numbers[1::2], strict=True):
        start = at + gap
        at = start + length
        done.append((start, at))
    if any(start >= end for start, end in done) or any(a[1] >= b[0] for a, b in pairwise(done)):
        raise BrokenOffsetMapError("its runs are empty or touch")
    return done


def _numbers(body: bytes) -> list[int]:
    numbers = []
    number = shift = 0
    for byte in body:
        number |= (byte & 0x7F) << shift
        shift += 7
        if not byte & _MORE:
            numbers.append(number)
            number = shift = 0
        elif shift >= 7 * _LONGEST_NUMBER:
            raise BrokenOffsetMapError("a number is too long")
    if shift:
        raise BrokenOffsetMapError("it ends in the middle of a number")
    return numbers


def _bitmap(base: int, done: Sequence[Range]) -> bytes:
    bits = 0
    for start, end in done:
        bits |= ((1 << (end - start)) - 1) << (start - base)
    return bits.to_bytes((done[-1][1] - base + 7) // 8, "little")


def _of_bitmap(base: int, body: bytes) -> list[Range]:
    bits = bin(int.from_bytes(body, "little"))[:1:-1]
    edges = [at for at, (before, after) in enumerate(pairwise(f"0{bits}0")) if before != after]
    return [(base + start, base + end) for start, end in zip(edges[::2], edges[1::2], strict=True)]


def _unfolded(body: bytes) -> bytes:
    unfolding = zlib.decompressobj()
    try:
        unfolded = unfolding.decompress(body, _MOST_UNFOLDED)
    except zlib.error as error:
        raise BrokenOffsetMapError(f"it can't be decompressed: {error}") from None
    if not unfolding.eof or unfolding.unused_data:
        raise BrokenOffsetMapError("its compressed part is cut, too long, or followed by something")
    return unfolded


def joined(ranges: Iterable[Range]) -> list[Range]:
    """Merges ascending ranges that overlap or touch."""
    out: list[Range] = []
    for start, end in ranges:
        if out and out[-1][1] >= start:
            out[-1] = (out[-1][0], max(end, out[-1][1]))
        else:
            out.append((start, end))
    return out
