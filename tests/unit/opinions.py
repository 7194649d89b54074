"""Good feedback, pairs and votes for tests, as documents and as messages."""

from __future__ import annotations

import itertools
from datetime import datetime
from typing import Any

from schemas.enums import VoiceModel
from schemas.feedback import Feedback
from schemas.pair import Pair
from schemas.vote import Vote
from tests.unit.rollouts import NOW

CHIRP_VOICE, WAVENET_VOICE = "en-US-Chirp3-HD-Puck", "en-US-Wavenet-D"
_NUMBERS = itertools.count()


def feedback_document(**changes: Any) -> dict[str, Any]:
    """A player's report; a change to None leaves a field out."""
    document = {
        "feedback_id": f"report-{next(_NUMBERS)}",
        "kind": "report",
        "reason": "robotic",
        "job_id": "job-1",
        "user_id": "u-5f2c",
        "time": NOW.isoformat(),
        "source": "/games/quest/eu-1",
        **changes,
    }
    return {name: value for name, value in document.items() if value is not None}


def feedback(**changes: Any) -> Feedback:
    """The same as a message."""
    return Feedback.model_validate(feedback_document(**changes))


def vote_document(**changes: Any) -> dict[str, Any]:
    """A vote for Chirp, which was played first."""
    document = {
        "vote_id": f"vote-{next(_NUMBERS)}",
        "character": "pip_boy",
        "line": "greeting-1",
        "first": {"audio": "takes/aa11.ogg", "voice_model": "chirp3-hd", "voice": CHIRP_VOICE},
        "second": {"audio": "takes/bb22.ogg", "voice_model": "wavenet", "voice": WAVENET_VOICE},
        "choice": "first",
        "listener_id": "listener-1",
        "session": "evening",
        "time": NOW.isoformat(),
        "source": "/console/listening",
        **changes,
    }
    return {name: value for name, value in document.items() if value is not None}


def vote(
    number: int,
    choice: str,
    *,
    chirp_first: bool = True,
    time: datetime = NOW,
    chirp_voice: str = CHIRP_VOICE,
    wavenet_voice: str = WAVENET_VOICE,
    **changes: Any,
) -> Vote:
    """A vote on the pair of a number; `choice`: chirp3-hd, wavenet, equal or cannot_use."""
    takes = [
        {"audio": f"takes/{each}/{number}.ogg", "voice_model": each.value, "voice": voice}
        for each, voice in ((VoiceModel.CHIRP3_HD, chirp_voice), (VoiceModel.WAVENET, wavenet_voice))
    ]
    first, second = takes if chirp_first else reversed(takes)
    chosen = {str(first["voice_model"]): "first", str(second["voice_model"]): "second"}.get(choice, choice)
    fields = {"line": f"line-{number}", "first": first, "second": second, "choice": chosen, "time": time.isoformat()}
    return Vote.model_validate(vote_document(**{**fields, **changes}))


def pair_document(number: int, **changes: Any) -> dict[str, Any]:
    """The pair of a number, whose votes `vote` makes; a change to None leaves a field out."""
    takes = ((VoiceModel.CHIRP3_HD, CHIRP_VOICE), (VoiceModel.WAVENET, WAVENET_VOICE))
    first, second = (
        {"audio": f"takes/{each}/{number}.ogg", "voice_model": each.value, "voice": voice} for each, voice in takes
    )
    document = {
        "pair_id": f"pair-{number}",
        "character": "pip_boy",
        "line": f"line-{number}",
        "text": f"Line {number}.",
        "first": first,
        "second": second,
        "time": NOW.isoformat(),
        "source": "/cli/listening",
        **changes,
    }
    return {name: value for name, value in document.items() if value is not None}


def pair(number: int, **changes: Any) -> Pair:
    """The same as a message."""
    return Pair.model_validate(pair_document(number, **changes))
