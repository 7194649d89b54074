"""The autoscaler's upper bound follows from the quota, and its query names a metric and this overlay's namespace."""

import math
import re
from collections.abc import Iterator
from typing import Final

from schemas.enums import Lane
from schemas.topics import LANES, TOPICS
from tests.manifests.builds import Overlay, name_of
from worker.config.settings import Settings
from worker.observability.metric_catalogue import ALL_METRICS

# A call that takes longer is a slow Google, and more of them at once don't help it.
SLOW_CALL_S: Final = 10.0


def most_workers(settings: Settings) -> int:
    """So many workers can use the whole quota if each call takes 10 s; more than the partitions get no jobs."""
    under_way = settings.quota.total_per_minute / 60 * SLOW_CALL_S
    (partitions,) = (topic.partitions for topic in TOPICS if topic.name == LANES[Lane.DIALOGUE])
    return min(math.ceil(under_way / settings.worker.max_in_flight), partitions)


def problems(overlay: Overlay, settings: Settings) -> Iterator[str]:
    """What is wrong with the autoscalers of an overlay, by the settings of its workers."""
    for scaled in overlay.of_kind("ScaledObject"):
        spec, wanted = scaled["spec"], most_workers(settings)
        if spec["maxReplicaCount"] != wanted:
            yield f"{name_of(scaled)}: maxReplicaCount is {spec['maxReplicaCount']}, by the quota it must be {wanted}"
        for trigger in spec["triggers"]:
            query = trigger["metadata"]["query"]
            names = {each.name for each in ALL_METRICS}
            if not (used := set(re.findall(r"\btts_\w+", query))) or not used <= names:
                yield f"{name_of(scaled)}: the query {query!r} names no metric of the worker"
            if f'namespace="{scaled["metadata"]["namespace"]}"' not in query:
                yield f"{name_of(scaled)}: the query {query!r} isn't limited to its namespace"
