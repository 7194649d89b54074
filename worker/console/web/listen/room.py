"""The listening room: pairs and votes from their topics, the tickets of its pages, and where a new vote is written."""

import json
from collections.abc import Callable

from cryptography.fernet import InvalidToken

from schemas.errors import UsageError
from schemas.message_parsing import InvalidMessageError, parse_vote
from schemas.pair import Pair
from schemas.vote import Vote
from worker.batch.take_votes import TakeVotes
from worker.config.sections import KafkaSettings
from worker.console.web.listen.ballot import Shown
from worker.console.web.listen.progress import VotesSeen
from worker.console.web.session import Sessions
from worker.kafka.client.consumer_interface import ReceivedRecord
from worker.kafka.client.events import send_event
from worker.kafka.client.producer import connect_producer
from worker.listening.known_pairs import KnownPairs, ReadyTakes
from worker.listening.matched_audio import MatchedAudio
from worker.rollout.analysis.preferences import Votes


class ListeningRoom:
    """What the pages of listening work with.

    Args:
        sessions: encrypts tickets, so that neither a page's text nor its addresses say which take is Chirp's.
        draw: True or False by chance, for each blind pair that is shown.

    Attributes:
        votes: who has judged what.
        counted: the votes as the gate `preference` counts them.
        choices: which reading of a line was chosen.
    """

    def __init__(
        self,
        sessions: Sessions,
        settings: KafkaSettings,
        *,
        draw: Callable[[], bool],
        audio: MatchedAudio,
        takes: ReadyTakes,
    ) -> None:
        self.pairs = KnownPairs()
        self.votes = VotesSeen()
        self.counted = Votes()
        self.choices = TakeVotes()
        self.audio = audio
        self.takes = takes
        self._sessions = sessions
        self._settings = settings
        self._draw = draw
        self._added: set[str] = set()

    def blind(self) -> tuple[Pair, ...]:
        """The pairs of both voice models, those too whose takes are being made."""
        return tuple(each for each in self.pairs.all() if each.compares_models)

    def readings(self) -> tuple[Pair, ...]:
        """The pairs of two readings of a line."""
        return tuple(each for each in self.pairs.all() if not each.compares_models)

    def observe_vote(self, record: ReceivedRecord) -> None:
        """Takes a record of the votes' topic; what is no vote is passed over."""
        try:
            vote = parse_vote(record.value)
        except InvalidMessageError:
            return
        self._add(vote)

    def show(self, listener: str, pair: Pair) -> tuple[Shown, str]:
        """A pair as it is shown now, and its ticket. The order of a blind pair is drawn."""
        shown = Shown(listener, pair, self._draw() if pair.compares_models else True)
        return shown, self._sessions.seal(json.dumps([listener, pair.pair_id, sorted(pair.takes), shown.in_order]))

    def open(self, ticket: str, listener: str) -> Shown:
        """The pair of a ticket.

        Raises:
            UsageError: the ticket isn't this listener's, or its pair isn't there any more.
        """
        try:
            name, pair_id, takes, in_order = json.loads(self._sessions.unseal(ticket))
        except (InvalidToken, ValueError, TypeError):
            raise UsageError("ticket: isn't one of this page, or is too old; open the page again") from None
        found = next((each for each in self.pairs.all() if each.pair_id == pair_id), None)
        if name != listener or found is None or sorted(found.takes) != takes:
            raise UsageError("ticket: is another listener's, or its pair was taken away; open the page again")
        return Shown(listener, found, in_order)

    async def vote(self, vote: Vote) -> None:
        """Writes a vote.

        Raises:
            KafkaError: it isn't known whether it was written; a repeat has the same id.
        """
        async with connect_producer(self._settings) as producer:
            await send_event(producer, self._settings, vote)
        self._add(vote)

    def _add(self, vote: Vote) -> None:
        # A vote of this process comes twice: when it is sent, and from its topic.
        if vote.vote_id in self._added:
            return
        self._added.add(vote.vote_id)
        self.votes.add(vote)
        self.counted.add(vote)
        self.choices.add(vote)
