"""Lists of the store spare look-ups of takes that aren't there, and never hide one that is."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from hypothesis import given
from hypothesis import strategies as st

from tests.unit.batch.test_downloads import Answers
from worker.batch.downloads import StoredKeys, stored_keys
from worker.batch.listed_keys import not_stored
from worker.storage.errors import StorageRefusedError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

FOLDERS = ("takes/ghoul/wavenet", "takes/ghoul/chirp3-hd", "takes/ghoul-2/wavenet")


def keys(folder: str, numbers: Iterable[int]) -> list[str]:
    digests = (hashlib.sha256(str(number).encode()).hexdigest() for number in numbers)
    return [f"{folder}/{digest[:2]}/{digest}.ogg" for digest in digests]


class Lists:
    """A store that lists what it has, a page at a time."""

    def __init__(self, stored: Iterable[str], page: int = 1000, *, in_order: bool = True) -> None:
        self.stored = sorted(stored, reverse=not in_order)
        self.page = page
        self.refused_after: int | None = None
        self.pages: list[str] = []

    async def keys(self, prefix: str) -> AsyncIterator[list[str]]:
        found = [key for key in self.stored if key.startswith(prefix)]
        for start in range(0, max(1, len(found)), self.page):
            if self.refused_after is not None and len(self.pages) >= self.refused_after:
                raise StorageRefusedError(f"list of {prefix}: AccessDenied")
            self.pages.append(prefix)
            yield found[start : start + self.page]


async def ruled_out(lists: Lists, wanted: Iterable[str]) -> frozenset[str]:
    store: Any = lists
    return await not_stored(store, wanted)


async def test_an_empty_folder_spares_all_its_look_ups_by_one_page() -> None:
    wanted = [key for folder in FOLDERS for key in keys(folder, range(300))]
    lists = Lists([])
    assert await ruled_out(lists, wanted) == set(wanted)
    assert sorted(lists.pages) == sorted(f"{folder}/" for folder in FOLDERS)


async def test_what_is_listed_is_looked_up_and_the_folder_of_another_character_says_nothing_of_it() -> None:
    wanted = [key for folder in FOLDERS for key in keys(folder, range(300))]
    stored = [*keys(FOLDERS[0], range(290, 1400)), *keys(FOLDERS[2], range(5))]
    assert await ruled_out(Lists(stored), wanted) == set(wanted) - set(stored)


async def test_few_lines_are_looked_up_without_a_list() -> None:
    lists = Lists([])
    assert await ruled_out(lists, [*keys(FOLDERS[0], range(100)), *keys(FOLDERS[1], range(100)), "no-folder"]) == set()
    assert lists.pages == []


async def test_a_folder_with_far_more_takes_than_are_wanted_is_not_read_to_its_end() -> None:
    wanted = keys(FOLDERS[0], range(300))
    lists = Lists(keys(FOLDERS[0], range(1000, 9000)))
    assert len(lists.stored) == 8000
    assert 0 < len(await ruled_out(lists, wanted)) < len(wanted)
    assert len(lists.pages) == 1


async def test_a_list_without_order_rules_out_nothing() -> None:
    wanted = keys(FOLDERS[0], range(300))
    assert await ruled_out(Lists(wanted[:50], in_order=False), wanted) == set()


async def test_a_store_that_refuses_lists_is_asked_by_look_ups_and_says_of_each() -> None:
    class Refusing(Lists, Answers):
        def __init__(self) -> None:
            Lists.__init__(self, [])
            Answers.__init__(self)
            self.refused_after = 0

    store: Any = Refusing()
    wanted = keys(FOLDERS[0], range(300))
    assert await stored_keys(store, wanted, lambda *_: None) == StoredKeys()
    assert set(store.requested) == set(wanted)


async def test_a_list_that_fails_midway_rules_out_what_others_said() -> None:
    wanted = [key for folder in FOLDERS[:2] for key in keys(folder, range(300))]
    lists = Lists([])
    lists.refused_after = 1
    assert await ruled_out(lists, wanted) < set(wanted)


async def test_what_a_list_rules_out_is_not_looked_up_and_counts_as_done() -> None:
    class Store(Lists, Answers):
        def __init__(self) -> None:
            Lists.__init__(self, [])
            Answers.__init__(self)

    store: Any = Store()
    shown: list[tuple[int, int]] = []
    wanted = [*keys(FOLDERS[0], range(300)), "stored"]
    found = await stored_keys(store, wanted, lambda done, total: shown.append((done, total)))
    assert found == StoredKeys(frozenset({"stored"}))
    assert (shown, set(store.requested)) == ([(300, 301), (301, 301)], {"stored"})


@given(
    wanted=st.sets(st.tuples(st.sampled_from(FOLDERS), st.integers(0, 900)), min_size=200, max_size=900),
    stored=st.sets(st.tuples(st.sampled_from(FOLDERS), st.integers(0, 1500)), max_size=900),
    page=st.integers(1, 500),
)
async def test_no_stored_take_is_ever_ruled_out(wanted, stored, page) -> None:
    asked = {key for folder, number in wanted for key in keys(folder, [number])}
    there = {key for folder, number in stored for key in keys(folder, [number])}
    missing = await ruled_out(Lists(there, page), asked)
    assert missing <= asked
    assert missing.isdisjoint(there)
