"""Tracer: the port by which the way of a job reports its spans, and the tracer of a worker without traces.

What reports a span imports no OpenTelemetry: `worker/app/tracing.py` chooses the tracer.
"""

from contextlib import AbstractContextManager
from typing import Final, Protocol, Self

from schemas.enums import Lane
from schemas.headers import Headers

Attribute = str | int | float | bool | None
"""The value of an attribute; None leaves it out. Never a line's text, nor a message that may quote it."""


class Publishing(Protocol):
    """The spans of the messages that are published together, one for each topic."""

    def headers(self, topic: str, headers: Headers) -> Headers:
        """A message's headers with the context of its span; the span begins with the first message for its topic."""

    def refused(self, topic: str, error: str) -> None:
        """Ends a topic's span: Kafka refuses its message. The next message for the topic has a new span."""


class Tracer(Protocol):
    """Begins spans. Each is a child of the one that its task is in; `note` and `fail` are about that one."""

    def process(
        self, lane: Lane, topic: str, *, partition: int, offset: int, headers: Headers, timestamp_ms: int
    ) -> AbstractContextManager[object]:
        """The span of a received message, from here to its acknowledged outcome, and that of its wait in Kafka.

        Args:
            headers: the message's; they may hold the context of its producer's span.
            timestamp_ms: when the message was sent, since 1970.
        """

    def stage(self, name: str, /, **attributes: Attribute) -> AbstractContextManager[object]:
        """The span of a stage. An exception that leaves it is its error."""

    def call(self, method: str, server: str, /, **attributes: Attribute) -> AbstractContextManager[object]:
        """The span of a gRPC request.

        Args:
            method: its full name, `package.Service/Method`.
            server: host, or host:port.
        """

    def waited(self, name: str, seconds: float, /, **attributes: Attribute) -> None:
        """A span that ends now and began so many seconds ago."""

    def note(self, **attributes: Attribute) -> None:
        """Adds attributes to the span."""

    def fail(self, error: str) -> None:
        """The span ends with an error; of a small set of names, such as a failure class or a status code."""

    def publish(
        self, *, replay_of: Headers | None = None, **attributes: Attribute
    ) -> AbstractContextManager[Publishing]:
        """The spans of messages to be published, from here to their acknowledgement.

        Args:
            replay_of: a dead letter's headers. Then the spans begin a trace of their own, with a link to the letter's.
        """

    def exemplar(self) -> dict[str, str] | None:
        """The trace and span that a measurement of this moment is an example of; None if there is none."""


class _Untraced:
    """A span that isn't recorded; one for all."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def headers(self, _topic: str, headers: Headers) -> Headers:
        """The headers as they are: a producer's context passes on unchanged."""
        return headers

    def refused(self, _topic: str, _error: str) -> None:
        pass


NO_PUBLISHING: Final = _Untraced()
"""Adds no context to messages."""


class NoTracer:
    """Records nothing, and makes no object for it."""

    def process(self, *_: object, **__: object) -> _Untraced:
        """No span."""
        return NO_PUBLISHING

    def stage(self, _name: str, /, **_: Attribute) -> _Untraced:
        """No span."""
        return NO_PUBLISHING

    def call(self, _method: str, _server: str, /, **_: Attribute) -> _Untraced:
        """No span."""
        return NO_PUBLISHING

    def waited(self, _name: str, _seconds: float, /, **_: Attribute) -> None:
        """No span."""

    def note(self, **_: Attribute) -> None:
        """No attributes."""

    def fail(self, _error: str) -> None:
        """No error."""

    def publish(self, *, replay_of: Headers | None = None, **_: Attribute) -> _Untraced:  # noqa: ARG002
        """No spans."""
        return NO_PUBLISHING

    def exemplar(self) -> None:
        """No exemplar."""


NO_TRACER: Final[Tracer] = NoTracer()
"""Of a process without traces."""
