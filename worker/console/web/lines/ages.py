"""How far back the pages of the lines look, and which audio a browser plays. Pure."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from schemas.enums import AudioEncoding
from schemas.errors import UsageError

AGES: Final[Mapping[str, timedelta | None]] = {
    "1h": timedelta(hours=1),
    "1d": timedelta(days=1),
    "7d": timedelta(days=7),
    "all": None,
}
"""Each age by its name in an address; None is all that Kafka keeps."""
# The others have no header that says what they are.
PLAYABLE: Final = frozenset({AudioEncoding.OGG_OPUS, AudioEncoding.MP3, AudioEncoding.LINEAR16})
"""What browsers play."""


def chosen_age(text: str) -> str:
    """The name of an age.

    Raises:
        UsageError: there is none.
    """
    if text not in AGES:
        raise UsageError(f"since={text[:100]!a}: allowed is {', '.join(AGES)}")
    return text
