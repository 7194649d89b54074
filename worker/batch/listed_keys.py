"""Lists of the store say of many takes at once that they aren't there: a page of a list has a thousand keys."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable
from typing import Final

from worker.storage.errors import StorageError
from worker.storage.take_store import TakeStore
from worker.storage.takes import take_folder

_LEAST_WANTED: Final = 250
"""Look-ups that cost as much CPU as a full page of a list; S3 bills a page as 13 of them."""
_KEYS_A_LOOK_UP: Final = 4
"""Keys of a page that cost as much as a look-up."""


async def not_stored(store: TakeStore, keys: Iterable[str]) -> frozenset[str]:
    """Those of the keys that lists of the store rule out; of each other one, a look-up has to say.

    A folder is listed as long as its pages cost less than the look-ups that they spare, so where it holds far more
    takes than are wanted its list isn't read to the end. A store that refuses or can't answer a list rules out no more.
    """
    by_folder: defaultdict[str, set[str]] = defaultdict(set)
    for key in keys:
        by_folder[take_folder(key)].add(key)
    missing: set[str] = set()

    async def read(folder: str, wanted: set[str]) -> None:
        missing.update(await _not_in(store, folder, wanted))

    try:
        async with asyncio.TaskGroup() as group:
            for folder, wanted in by_folder.items():
                if folder and len(wanted) >= _LEAST_WANTED:
                    group.create_task(read(folder, wanted))
    except* StorageError:
        # The look-ups say what is wrong with the store, if anything is.
        pass
    return frozenset(missing)


async def _not_in(store: TakeStore, folder: str, wanted: set[str]) -> set[str]:
    """The wanted keys that a folder's list rules out."""
    missing: set[str] = set()
    # What lies beyond what was listed so far.
    remaining, last = set(wanted), folder
    async for page in store.keys(f"{folder}/"):
        # S3 lists in the order of the keys, so a page says of each key before its last whether it is there. S3's
        # directory buckets have no order: their lists rule out nothing.
        if any(before >= after for before, after in zip([last, *page], page, strict=False)):
            return set()
        last = page[-1] if page else last
        passed = {key for key in remaining if key <= last}
        spared = passed.difference(page)
        missing |= spared
        remaining -= passed
        if len(spared) * _KEYS_A_LOOK_UP < len(page):
            return missing
    return missing | remaining
