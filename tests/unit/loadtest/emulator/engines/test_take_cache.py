"""Takes that are kept in a folder."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import numpy as np
import pytest

from loadtest.emulator.engines.take_cache import TakeCache

KEY = {"model": "kokoro", "style": "am_puck", "text": "Hello.", "speed": 1.0}
SAMPLES = np.linspace(-1.0, 1.0, 1000, dtype=np.float32)


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_what_was_kept_is_found_by_another_process_as_the_first_one_got_it(tmp_path: Path) -> None:
    first = TakeCache(tmp_path).keep(KEY, SAMPLES)
    found = TakeCache(tmp_path).find(KEY)
    assert found is not None
    assert np.array_equal(found, first)
    assert np.allclose(found, SAMPLES, atol=1e-4)


@pytest.mark.parametrize("change", [{"model": "piper"}, {"style": "am_onyx"}, {"text": "Hello!"}, {"speed": 1.001}])
def test_whatever_changes_the_sound_is_another_take(tmp_path: Path, change: dict[str, str | float]) -> None:
    cache = TakeCache(tmp_path)
    cache.keep(KEY, SAMPLES)
    assert cache.find({**KEY, **change}) is None


@pytest.mark.parametrize("content", [b"", b"\x93NUMPY", b"not a take", None], ids=["empty", "cut", "foreign", "half"])
def test_a_file_that_is_no_take_is_as_none_and_made_anew(tmp_path: Path, content: bytes | None) -> None:
    cache = TakeCache(tmp_path)
    cache.keep(KEY, SAMPLES)
    (path,) = files(tmp_path)
    path.write_bytes(path.read_bytes()[:500] if content is None else content)
    assert cache.find(KEY) is None
    cache.keep(KEY, SAMPLES)
    assert cache.find(KEY) is not None


def test_a_folder_that_cannot_be_written_costs_the_cache_and_not_the_sentence(tmp_path: Path) -> None:
    (tmp_path / "takes").write_text("a file")
    cache = TakeCache(tmp_path / "takes")
    assert cache.keep(KEY, SAMPLES).size == SAMPLES.size
    assert cache.find(KEY) is None


def test_a_write_that_fails_half_way_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(np, "save", full)
    TakeCache(tmp_path).keep(KEY, SAMPLES)
    assert files(tmp_path) == []


def test_many_may_keep_the_same_sentence_at_once_and_none_reads_half_of_one(tmp_path: Path) -> None:
    wrong = list[int]()

    def use() -> None:
        cache = TakeCache(tmp_path)
        for _ in range(30):
            cache.keep(KEY, SAMPLES)
            found = cache.find(KEY)
            if found is None or found.size != SAMPLES.size:
                wrong.append(1)

    threads = [threading.Thread(target=use) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert len(files(tmp_path)) == 1


def test_the_takes_that_were_used_longest_ago_make_room(tmp_path: Path) -> None:
    cache = TakeCache(tmp_path)
    keys = [{**KEY, "text": text} for text in ("old", "used again", "new")]
    for number, key in enumerate(keys):
        before = set(files(tmp_path))
        cache.keep(key, SAMPLES)
        (path,) = set(files(tmp_path)) - before
        os.utime(path, (number, number))
    assert cache.find(keys[1]) is not None
    size = files(tmp_path)[0].stat().st_size
    after = TakeCache(tmp_path, most_bytes=2 * size)
    assert [after.find(key) is not None for key in keys] == [False, True, True]
