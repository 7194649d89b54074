"""Finds environment variables that look like settings and are none: a misspelt one would change nothing. Pure."""

import re
from collections.abc import Collection, Iterator, Mapping
from difflib import get_close_matches
from typing import Final

_PREFIXES: Final = ("KAFKA_", "S3_", "QUOTA_", "TTS_", "ROLLOUT_", "CHIRP3_", "AUDIO_CHECK_", "AUDIO_URL_", "HTTP_API_")
# Kubernetes gives each container the addresses of its namespace's services, as Docker's links did: a service `kafka`
# makes KAFKA_SERVICE_HOST, KAFKA_PORT=tcp://10.0.0.1:9092 and KAFKA_PORT_9092_TCP_ADDR.
_SERVICE: Final = re.compile(
    r".*_SERVICE_(HOST|PORT(_[A-Z0-9_]+)?)|.*_PORT_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?", re.DOTALL
)
_SERVICE_PORT: Final = re.compile(r"(tcp|udp|sctp)://\S+")
# Those of Apache Kafka's own scripts, in the shell of who uses both.
_KAFKA_SCRIPTS: Final = re.compile(r"KAFKA_(HOME|OPTS|[A-Z0-9_]+_OPTS)")
_SHOWN: Final = 80


def unknown_variables(environment: Mapping[str, str], known: Collection[str]) -> Iterator[str]:
    """The variables with a prefix of ours that are no setting, nor one of Kubernetes' or of Kafka's scripts."""
    for name, value in environment.items():
        if not name.startswith(_PREFIXES) or name in known or _SERVICE.fullmatch(name):
            continue
        if _KAFKA_SCRIPTS.fullmatch(name) or (name.endswith("_PORT") and _SERVICE_PORT.fullmatch(value)):
            continue
        yield name


def describe_unknown(name: str, known: Collection[str]) -> str:
    """What is wrong with such a variable, with the nearest setting; never its value, which may be a secret."""
    shown = name if name.isascii() and name.isprintable() else ascii(name)
    prefix = next(each for each in _PREFIXES if name.startswith(each))
    of_prefix = sorted(each for each in known if each.startswith(prefix))
    near = get_close_matches(name[:_SHOWN], of_prefix, n=1)
    which = f"the nearest is {near[0]}" if near else f"there are {', '.join(of_prefix)}"
    return f"{shown[:_SHOWN]}: no such setting; {which}"
