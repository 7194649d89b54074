"""Ogg Opus without decoding it: its pages, how long their packets last, and pieces that can be decoded alone. Pure."""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

# RFC 3533, section 6: the fixed part of a page's header, and where it says how many segments follow.
_HEADER: Final = 27
_SEGMENTS_AT: Final = 26
_FLAGS_AT: Final = 5
_SERIAL: Final = slice(14, 18)
_NUMBER: Final = slice(18, 22)
_CHECKSUM: Final = slice(22, 26)
_BEGINS_STREAM: Final = 2
_GOES_ON: Final = 255
# RFC 7845, section 5: the identification and the comment header; section 4: positions count 48,000 a second.
_HEADER_PACKETS: Final = 2
_HZ: Final = 48_000
_POSITION: Final = (6, 14)
# RFC 7845, section 5.1: the packet of a stream of one or two channels.
_MAGIC: Final = b"OpusHead\x01"
_HEAD_BYTES: Final = 19
_RATES: Final = frozenset({8_000, 12_000, 16_000, 24_000, 48_000})
# RFC 6716, section 3.1: the length of a packet's frames by its configuration, in samples of 48 kHz.
_FRAME_SAMPLES: Final = (480, 960, 1920, 2880) * 3 + (480, 960) * 2 + (120, 240, 480, 960) * 4


@dataclass(frozen=True)
class Page:
    """One page: its bytes in the file, and how many samples of 48 kHz the packets last that begin on it."""

    start: int
    end: int
    samples: int


@dataclass(frozen=True)
class Head:
    """What the headers and the last page say: the frames that are played, their rate in Hz, and the channels."""

    frames: int
    sample_rate: int
    channels: int


@dataclass(frozen=True)
class OggOpus:
    """A file's pages; those of the headers end at `headers_end`.

    `contradiction` says why players don't play all of them, or not as one sound; None if they do.
    """

    headers_end: int
    pages: tuple[Page, ...]
    contradiction: str | None = None

    @property
    def seconds(self) -> float:
        """How long its packets last."""
        return sum(page.samples for page in self.pages) / _HZ

    @property
    def longest_page_s(self) -> float:
        """How long the packets of the longest page last, in seconds."""
        return max((page.samples for page in self.pages), default=0) / _HZ

    def pieces(self, seconds: float) -> Iterator[tuple[int, int]]:
        """The file in pieces of at least so many seconds, from byte to byte.

        The last page is none of its own: it may end before its packets do, and a file can't begin with such a page.
        """
        start, samples = self.headers_end, 0
        for page in self.pages[:-2]:
            samples += page.samples
            if samples >= seconds * _HZ:
                yield start, page.end
                start, samples = page.end, 0
        if self.pages:
            yield start, self.pages[-1].end


def read_pages(audio: bytes) -> OggOpus | None:
    """Reads the pages of a whole file; None if it is cut inside a page, or no Ogg."""
    pages: list[Page] = []
    position, headers_end, packets = 0, 0, 0
    continued, contradiction = False, None
    count = 0
    while position < len(audio):
        body = position + _HEADER + (audio[position + _SEGMENTS_AT] if len(audio) >= position + _HEADER else 0)
        segments = audio[position + _HEADER : body]
        end = body + sum(segments)
        if not audio.startswith(b"OggS", position) or end > len(audio):
            return None
        contradiction = contradiction or _contradiction(audio[position:end], count, audio[_SERIAL])
        count += 1
        samples = 0
        for first in _packets(segments, body, continued=continued):
            packets += 1
            if packets > _HEADER_PACKETS:
                samples += _packet_samples(audio, first)
        if packets > _HEADER_PACKETS:
            pages.append(Page(position, end, samples))
        else:
            headers_end = end
        continued = segments.endswith(b"\xff")
        position = end
    return OggOpus(headers_end, tuple(pages), contradiction)


def read_head(audio: bytes, pages: OggOpus) -> Head | None:
    """Reads the header of a whole file of one stream that begins at its beginning.

    Args:
        audio: the whole file.
        pages: of it, as read.

    Returns:
        What libsndfile says of it; None where that takes more than these bytes, and where nothing can be played.
    """
    first = _HEADER + (audio[_SEGMENTS_AT] if len(audio) > _SEGMENTS_AT else 0)
    head = audio[first : first + _HEAD_BYTES]
    is_whole = pages.contradiction is None and len(head) == _HEAD_BYTES
    if not is_whole or not pages.pages or not head.startswith(_MAGIC) or head[18]:
        return None
    channels, skipped, rate = head[9], int.from_bytes(head[10:12], "little"), int.from_bytes(head[12:16], "little")
    begins_late = len(pages.pages) > 1 and _position(audio, pages.pages[0]) != pages.pages[0].samples
    if rate not in _RATES or channels not in {1, 2} or begins_late:
        return None
    frames = (_position(audio, pages.pages[-1]) - skipped) * rate // _HZ
    return Head(frames, rate, channels) if frames > 0 else None


def with_serial(audio: bytes, serial: int) -> bytes:
    """A whole Ogg file of one stream with another serial number, whatever its codec."""
    position, found = 0, bytearray(audio)
    while position < len(audio):
        body = position + _HEADER + audio[position + _SEGMENTS_AT]
        end = body + sum(audio[position + _HEADER : body])
        page = found[position:end]
        page[_SERIAL] = serial.to_bytes(4, "little")
        page[_CHECKSUM] = _checksum(bytes(page))
        found[position:end] = page
        position = end
    return bytes(found)


def _position(audio: bytes, page: Page) -> int:
    """The samples of 48 kHz up to the end of a page."""
    return int.from_bytes(audio[page.start + _POSITION[0] : page.start + _POSITION[1]], "little", signed=True)


def _contradiction(page: bytes, number: int, serial: bytes) -> str | None:
    """What is wrong with the page of that number in a stream; players skip to the next page that is right."""
    if page[_SERIAL] != serial or (number and page[_FLAGS_AT] & _BEGINS_STREAM):
        return "the audio has several streams: players may play one of them, or one after the other"
    if (found := int.from_bytes(page[_NUMBER], "little")) != number:
        return f"the audio has lost pages: number {found} stands in the place of {number}"
    if _checksum(page) != page[_CHECKSUM]:
        return f"the audio is damaged: the checksum of its page {number} is wrong"
    return None


_REVERSED: Final = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def _checksum(page: bytes) -> bytes:
    """RFC 3533, section 6: the CRC of zlib's polynomial with the bits of bytes and result the other way round."""
    empty = page[: _CHECKSUM.start] + bytes(4) + page[_CHECKSUM.stop :]
    crc = zlib.crc32(empty.translate(_REVERSED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return crc.to_bytes(4, "little").translate(_REVERSED)[::-1]


def _packets(segments: bytes, body: int, *, continued: bool) -> Iterator[int]:
    """Where the packets begin that begin on a page: a packet ends with its first segment of less than 255 bytes."""
    begins = not continued
    for length in segments:
        if begins and length:
            yield body
        body += length
        begins = length < _GOES_ON


def _packet_samples(audio: bytes, first: int) -> int:
    """How long an Opus packet lasts, from its first byte or two (RFC 6716, section 3)."""
    frame, code = _FRAME_SAMPLES[audio[first] >> 3], audio[first] & 3
    if code < 3:  # noqa: PLR2004  # one frame, or two
        return frame * min(code + 1, 2)
    return frame * (audio[first + 1] & 0x3F if first + 1 < len(audio) else 0)
