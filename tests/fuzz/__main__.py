"""Feeds the parsers with mutated inputs: `python -m tests.fuzz [--minutes 10] [PARSER ...]`.

Each parser is given inputs for so many minutes. An input that it doesn't survive is made small and printed, and the run
ends with exit code 1.
"""

import argparse
import sys
import time
from typing import Final

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz.studio_targets import STUDIO_TARGETS
from tests.fuzz.targets import PARSERS, Target

TARGETS: Final = PARSERS | STUDIO_TARGETS

_AT_ONCE: Final = 100
_MOST_EDITS: Final = 8


@st.composite
def mutated(draw: st.DrawFn, target: Target) -> bytes:
    """A seed with pieces cut out, repeated, and replaced by tokens or by any bytes."""
    data = draw(st.sampled_from(target.seeds))
    tokens = st.sampled_from(target.tokens) if target.tokens else st.nothing()
    for _ in range(draw(st.integers(0, _MOST_EDITS))):
        start = draw(st.integers(0, len(data)))
        end = min(len(data), start + draw(st.integers(0, 40)))
        put = draw(tokens | st.binary(max_size=8) | st.just(data[start:end] * 2))
        data = data[:start] + put + data[end:]
    return data


def fuzz(target: Target, seconds: float) -> int:
    """Feeds a parser for so long; returns the number of inputs.

    Raises:
        Exception: what the parser raised.
    """
    ends = time.monotonic() + seconds
    inputs = 0

    @settings(max_examples=_AT_ONCE, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(mutated(target))
    def examine(data: bytes) -> None:
        nonlocal inputs
        if time.monotonic() < ends:
            inputs += 1
            target.run(data)

    while time.monotonic() < ends:
        examine()
    return inputs


def main() -> None:
    """Fuzzes and prints one line for each parser."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("names", nargs="*", metavar="PARSER", help=", ".join(TARGETS))
    parser.add_argument("--minutes", type=float, default=10.0, help="for each parser")
    given_arguments = parser.parse_args()
    for name in given_arguments.names or TARGETS:
        inputs = fuzz(TARGETS[name], 60 * given_arguments.minutes)
        print(f"{name}: {inputs:,} inputs, no fault")
    sys.exit(0)


if __name__ == "__main__":
    main()
