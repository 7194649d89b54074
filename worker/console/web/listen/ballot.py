"""What a listener's form says of a pair, as a vote. Pure."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from pydantic import ValidationError

from schemas.enums import VoteChoice
from schemas.errors import UsageError
from schemas.pair import Pair, PairedTake
from schemas.vote import Vote

SOURCE: Final = "/console/listening"


@dataclass(frozen=True)
class Shown:
    """A pair as it was shown to a listener.

    Attributes:
        in_order: whether the pair's first take is played first.
    """

    listener: str
    pair: Pair
    in_order: bool

    @property
    def played(self) -> tuple[PairedTake, PairedTake]:
        """The takes in the order in which they are played."""
        return (self.pair.first, self.pair.second) if self.in_order else (self.pair.second, self.pair.first)


def read_ballot(shown: Shown, form: Mapping[str, str], *, session: str, time: datetime, ticket: str) -> Vote:
    """The vote of a form.

    A form that is sent twice is one vote. Of a blind pair so are all of a listener's, since the first counts; whoever
    chooses between two readings of a line may change their mind.

    Args:
        session: says which login it was, and isn't its secret.
        ticket: of the page on which it was voted.

    Raises:
        UsageError: a field is wrong; the message names it, and what is allowed.
    """
    pair, (first, second) = shown.pair, shown.played
    choice = form.get("choice", "")
    cannot_use = choice == VoteChoice.CANNOT_USE
    fault = {"side": form.get("side", ""), "reason": form.get("reason", "")} if cannot_use else None
    parts = (shown.listener, *sorted(pair.takes), "" if pair.compares_models else ticket)
    document = {
        "vote_id": f"console-{hashlib.sha256(chr(10).join(parts).encode()).hexdigest()[:32]}",
        "character": pair.character,
        "line": pair.line,
        "language": pair.language,
        "first": _voted(first),
        "second": _voted(second),
        "choice": choice,
        "listener_id": shown.listener,
        "session": session,
        "time": time.isoformat(),
        "source": SOURCE,
        **({"fault": fault} if fault else {}),
    }
    try:
        return Vote.model_validate(document)
    except ValidationError as error:
        place = error.errors(include_input=False)[0]
        raise UsageError(f"{'.'.join(map(str, place['loc']))}: {place['msg']}") from None


def _voted(take: PairedTake) -> dict[str, Any]:
    return {"audio": take.audio, "voice_model": take.voice_model.value, "voice": take.voice}
