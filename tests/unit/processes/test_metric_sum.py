"""The sum over processes: counters never fall, gauges by their rules, histograms whole."""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics.exposition import generate_latest
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from worker.observability.metric_catalogue import ALL_METRICS
from worker.observability.metric_definition import GaugeDefinition
from worker.processes.metric_sum import MetricSum


class Process:
    """One run of a process, with a metric of each kind."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.jobs = Counter("jobs", "Jobs.", ["lane"], registry=self.registry)
        self.seconds = Histogram("seconds", "Seconds.", buckets=(1, 2), registry=self.registry)
        self.busy = Gauge("busy", "Busy.", registry=self.registry)
        self.oldest = Gauge("oldest", "Oldest.", registry=self.registry)
        self.revision = Gauge("revision", "Revision.", registry=self.registry)

    def families(self) -> Iterable[Metric]:
        """As they come over HTTP."""
        return text_string_to_metric_families(generate_latest(self.registry).decode())


class Together(Collector):
    def __init__(self) -> None:
        self.sum = MetricSum({"busy": "sum", "revision": "min"})
        self.registry = CollectorRegistry(auto_describe=False)
        self.registry.register(self)

    def describe(self) -> list[Metric]:
        return []

    def collect(self) -> Iterable[Metric]:
        return self.sum.families()

    def value(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(name, labels)


def test_two_processes_are_added_up_and_gauges_follow_their_rules() -> None:
    together = Together()
    for number, count in ((1, 2), (2, 3)):
        process = Process()
        process.jobs.labels("batch").inc(count)
        process.seconds.observe(1.5)
        for gauge in (process.busy, process.oldest, process.revision):
            gauge.set(count)
        together.sum.update(number, 1, process.families())
    assert together.value("jobs_total", lane="batch") == 5
    assert [together.value("seconds_bucket", le=le) for le in ("1.0", "2.0", "+Inf")] == [0, 2, 2]
    assert together.value("seconds_sum") == 3
    assert (together.value("busy"), together.value("oldest"), together.value("revision")) == (5, 3, 2)
    # What it writes can be read, with each family once.
    text = generate_latest(together.registry).decode()
    assert [each.name for each in text_string_to_metric_families(text)].count("jobs") == 1


Steps = st.lists(st.tuples(st.integers(1, 3), st.sampled_from(["work", "restart", "silent", "read"])), max_size=60)


@given(Steps)
def test_a_counter_never_falls_and_is_what_was_read_of_all_runs(steps: list[tuple[int, str]]) -> None:
    together = Together()
    processes = {number: Process() for number in (1, 2, 3)}
    runs = dict.fromkeys(processes, 1)
    counted = dict.fromkeys(processes, 0)
    read: dict[int, int] = {}
    ended = 0
    before = 0.0
    for number, step in steps:
        if step == "work":
            processes[number].jobs.labels("batch").inc()
            processes[number].seconds.observe(1)
            counted[number] += 1
        elif step == "restart":
            # What it counted since it was read last is nobody's.
            ended += read.pop(number, 0)
            processes[number], counted[number] = Process(), 0
            runs[number] += 1
        else:
            families = processes[number].families() if step == "read" else None
            together.sum.update(number, runs[number], families)
            if step == "read":
                read[number] = counted[number]
        now = together.value("jobs_total", lane="batch") or 0.0
        assert now >= before
        assert now == ended + sum(read.values())
        assert (together.value("seconds_count") or 0.0) == now
        before = now


def test_a_process_that_does_not_answer_keeps_its_counts_and_has_no_gauge() -> None:
    together = Together()
    process = Process()
    process.jobs.labels("batch").inc(2)
    process.busy.set(7)
    together.sum.update(1, 1, process.families())
    assert together.sum.answering == 1
    together.sum.update(1, 1, None)
    assert together.sum.answering == 0
    assert together.value("jobs_total", lane="batch") == 2
    assert together.value("busy") is None


def test_the_answer_of_a_run_that_has_ended_meanwhile_is_left_out() -> None:
    together = Together()
    old, new = Process(), Process()
    old.jobs.labels("batch").inc(5)
    new.jobs.labels("batch").inc(1)
    together.sum.update(1, 2, new.families())
    together.sum.update(1, 1, old.families())
    assert together.value("jobs_total", lane="batch") == 1


def test_a_sum_began_with_its_first_process_and_the_newest_exemplar_is_shown() -> None:
    together = Together()
    first, second = Process(), Process()
    for number, process in enumerate((first, second), start=1):
        process.seconds.observe(0.5, {"trace_id": f"{number}"})
        together.sum.update(number, 1, process.families())
    began = [
        sample.value for family in first.families() for sample in family.samples if sample.name == "seconds_created"
    ]
    assert together.value("seconds_created") == began[0]
    (bucket,) = [
        sample
        for family in together.sum.families()
        for sample in family.samples
        if sample.name == "seconds_bucket" and sample.labels["le"] == "1.0"
    ]
    assert bucket.exemplar is not None
    assert bucket.exemplar.labels == {"trace_id": "2"}


def test_what_is_shared_out_is_added_up_and_what_is_late_or_ends_first_is_the_worst() -> None:
    rules = {each.name: each.of_processes for each in ALL_METRICS if isinstance(each, GaugeDefinition)}
    assert {name for name, rule in rules.items() if rule == "sum"} == {
        "tts_jobs_in_flight",
        "tts_consumer_lag",
        "tts_quota_requests_per_minute",
        "tts_google_concurrency_limit",
    }
    assert {name for name, rule in rules.items() if rule == "min"} == {
        "tts_certificate_expiry_timestamp_seconds",
        "tts_rollout_revision",
    }
