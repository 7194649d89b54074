"""Lets the garbage collector run rarely, for what keeps all that it makes until its end."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_NEW_OBJECTS_A_COLLECTION: Final = 100_000


@contextmanager
def rare_collections() -> Iterator[None]:
    """Let the garbage collector run rarely within the block."""
    before = gc.get_threshold()
    gc.set_threshold(_NEW_OBJECTS_A_COLLECTION, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
