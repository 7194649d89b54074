"""The listening room: the pairs of the file, the votes of the topic, and where a new vote is written."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from cryptography.fernet import InvalidToken

from schemas.errors import UnavailableError, UsageError
from schemas.message_parsing import InvalidMessageError, parse_vote
from schemas.vote import Vote
from worker.config.secret_file import file_stamp
from worker.config.sections import KafkaSettings
from worker.console.web.listen.pairs import Pair, VotesSeen, parse_pairs
from worker.console.web.session import Sessions
from worker.kafka.client.consumer import ReceivedRecord
from worker.kafka.client.events import send_event
from worker.kafka.client.producer import connect_producer
from worker.storage.takes import StoredTake


@dataclass(frozen=True)
class Shown:
    """A pair as it was shown to a listener, in a ticket that the listener can neither read nor change."""

    listener: str
    character: str
    line: str
    chirp_first: bool


class ListeningRoom:
    """What the listening page works with.

    Args:
        pairs_file: None: there are no pairs.
        sessions: encrypts tickets, so that neither a page's text nor its addresses say which take is Chirp's.
        draw: True or False by chance, for each pair that is shown.
        fetch: a take's audio by its key; raises StorageError.
        look_up: a stored take by its key, or None; raises StorageError.
    """

    def __init__(
        self,
        pairs_file: Path | None,
        sessions: Sessions,
        settings: KafkaSettings,
        *,
        draw: Callable[[], bool],
        fetch: Callable[[str], Awaitable[bytes]],
        look_up: Callable[[str], Awaitable[StoredTake | None]],
    ) -> None:
        self.votes = VotesSeen()
        self.fetch = fetch
        self._look_up = look_up
        self._file = pairs_file
        self._sessions = sessions
        self._settings = settings
        self._draw = draw
        self._read: tuple[tuple[int, ...], tuple[Pair, ...]] = ((), ())

    def pairs(self) -> tuple[Pair, ...]:
        """The pairs that the file holds now.

        Raises:
            UnavailableError: the file can't be read, or a line of it is no pair.
        """
        if self._file is None:
            return ()
        try:
            stamp = file_stamp(self._file)
            if stamp != self._read[0]:
                self._read = stamp, parse_pairs(self._file.read_text(encoding="utf-8"))
        except OSError as error:
            raise UnavailableError(f"HTTP_API_PAIRS_FILE={str(self._file)!r}: {error.strerror}") from None
        except ValueError as error:
            raise UnavailableError(f"HTTP_API_PAIRS_FILE={str(self._file)!r}: {error}") from None
        return self._read[1]

    def observe(self, record: ReceivedRecord) -> None:
        """Takes a record of the votes' topic; what is no vote is passed over."""
        try:
            self.votes.add(parse_vote(record.value))
        except InvalidMessageError:
            return

    def show(self, listener: str, pair: Pair) -> str:
        """The ticket of a pair whose order is drawn now."""
        shown = [listener, *pair.id, self._draw()]
        return self._sessions.seal(json.dumps(shown))

    def open(self, ticket: str, listener: str) -> tuple[Shown, Pair]:
        """The pair of a ticket.

        Raises:
            UsageError: the ticket isn't this listener's, or its pair isn't in the file any more.
        """
        try:
            shown = Shown(*json.loads(self._sessions.unseal(ticket)))
        except (InvalidToken, ValueError, TypeError):
            raise UsageError("ticket: isn't one of this page, or is too old; open the page again") from None
        found = next((each for each in self.pairs() if each.id == (shown.character, shown.line)), None)
        if shown.listener != listener or found is None:
            raise UsageError("ticket: is another listener's, or its pair was taken away; open the page again")
        return shown, found

    async def voice(self, key: str) -> str:
        """The full name of the voice that spoke a take.

        Raises:
            StorageError: the store doesn't answer.
            UnavailableError: there is no such take any more.
        """
        take = await self._look_up(key)
        if take is None:
            raise UnavailableError(f"the take {key} isn't stored any more")
        return take.voice

    async def vote(self, vote: Vote) -> None:
        """Writes a vote.

        Raises:
            KafkaError: it isn't known whether it was written; a repeat has the same id.
        """
        async with connect_producer(self._settings) as producer:
            await send_event(producer, self._settings, vote)
        self.votes.add(vote)
