"""The metrics that a parent of several processes adds to theirs; each help text says what a high value means."""

from typing import Final

from worker.observability.metric_definition import CounterDefinition, Definition, GaugeDefinition

PROCESSES_WANTED: Final = GaugeDefinition(
    "tts_processes_wanted",
    "Processes that a parent keeps running (run --processes). High: each has slots, memory and connections of its own.",
)
PROCESSES_ANSWERING: Final = GaugeDefinition(
    "tts_processes_answering",
    "Processes whose metrics came with this scrape. Below tts_processes_wanted: one starts, hangs, or ended.",
)
PROCESS_RESTARTS: Final = CounterDefinition(
    "tts_process_restarts",
    "Processes that ended by themselves and were started again. High: the log's process_restarts has the exit codes.",
)

ALL_PROCESS_METRICS: Final = tuple(each for each in tuple(globals().values()) if isinstance(each, Definition))
"""All of the above."""
