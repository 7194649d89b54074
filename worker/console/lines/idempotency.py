"""A job's id from the key by which a client repeats a request: the same in every process. Pure."""

import hashlib
import re
from typing import Final

ALLOWED: Final = "1 to 255 printable characters of ASCII"
_KEY: Final = re.compile(r"[\x21-\x7e]([\x20-\x7e]{0,253}[\x21-\x7e])?")


def job_id_of_key(client: str, key: str) -> str:
    """The id of the job that a client requests under a key; clients can't meet each other's keys.

    Args:
        client: its name, which holds no line break.
        key: the header Idempotency-Key (draft-ietf-httpapi-idempotency-key-header-07).

    Raises:
        ValueError: the key isn't allowed.
    """
    if _KEY.fullmatch(key) is None:
        raise ValueError(f"allowed is {ALLOWED}")
    digest = hashlib.sha256(f"{client}\n{key}".encode()).hexdigest()
    return f"http-{digest[:32]}"
