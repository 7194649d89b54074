"""What a parent gives its processes, and who else may not give it."""

from __future__ import annotations

import asyncio
import os
import socket

import pytest

from schemas.errors import UsageError
from tests.until import loop_until
from worker.lifecycle.lifeline import lifeline
from worker.processes.place import Place


def test_a_place_is_read_as_it_was_written() -> None:
    assert Place.parse(str(Place(3, 7, 9))) == Place(3, 7, 9)


@pytest.mark.parametrize("written", ["", "1", "1:2", "1:2:3:4", "a:b:c", "1:2:"])
def test_what_is_no_place_is_refused(written: str) -> None:
    with pytest.raises(UsageError, match="--place"):
        Place.parse(written)


def test_a_file_that_is_no_socket_is_refused() -> None:
    reading, writing = os.pipe()
    try:
        with pytest.raises(UsageError, match="--place"):
            Place(1, reading, reading).open_listener()
    finally:
        os.close(reading)
        os.close(writing)


async def test_the_listener_is_the_parents_socket() -> None:
    with socket.create_server(("127.0.0.1", 0)) as bound:
        place = Place(1, os.dup(bound.fileno()), 0)
        with place.open_listener() as opened:
            assert opened.getsockname() == bound.getsockname()


async def test_a_closed_pipe_is_noticed_once() -> None:
    reading, writing = os.pipe()
    ends: list[int] = []
    with lifeline(reading, lambda: ends.append(1)):
        await asyncio.sleep(0)
        assert ends == []
        os.close(writing)
        await loop_until(lambda: ends)
        await asyncio.sleep(0)
    os.close(reading)
    assert ends == [1]
