"""A process's place under its parent: its number, the socket that it listens at, the pipe that ends with the parent."""

import socket
from dataclasses import dataclass
from typing import Self

from schemas.errors import UsageError


@dataclass(frozen=True)
class Place:
    """What a parent gives a process on its command line.

    Attributes:
        number: from 1 on.
        listener: the file descriptor of a listening socket.
        lifeline: the file descriptor of a pipe's end to read, of which the parent has the other: it closes when the
            parent ends, however that ends.
    """

    number: int
    listener: int
    lifeline: int

    @classmethod
    def parse(cls, written: str) -> Self:
        """The opposite of `str`.

        Raises:
            UsageError: it isn't three whole numbers.
        """
        try:
            number, listener, lifeline = map(int, written.split(":"))
        except ValueError:
            raise UsageError(f"--place={written!r}: only a parent of processes gives it") from None
        return cls(number, listener, lifeline)

    def __str__(self) -> str:
        return f"{self.number}:{self.listener}:{self.lifeline}"

    def open_listener(self) -> socket.socket:
        """The listening socket.

        Raises:
            UsageError: nobody has given this process one.
        """
        try:
            return socket.socket(fileno=self.listener)
        except OSError as error:
            raise UsageError(f"--place={str(self)!r}: only a parent of processes gives it: {error.strerror}") from None
