"""Which take of a request is asked for, and the randomness of that take."""

import hashlib
from collections import Counter
from random import Random

from loadtest.emulator.validation import ValidRequest


class Takes:
    """Counts how often each request was spoken.

    A take's randomness depends on the seed, the request and the take's number alone: whatever else is spoken in
    between, a second run with the same seed has the same takes.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._spoken: Counter[bytes] = Counter()

    def next_of(self, request: ValidRequest) -> Random:
        """Returns the randomness of a request's next take, whatever its audio format."""
        said = f"{request.voice.name}|{request.rate:g}|{request.pitch_st:g}|{request.form}|{request.input}"
        digest = hashlib.sha256(said.encode()).digest()
        self._spoken[digest] += 1
        return Random(f"{self._seed}|{digest.hex()}|{self._spoken[digest]}")
