"""`batch report --publish`: the report is stored beside the takes, and announced to the console."""

from dataclasses import replace

from worker.batch.report.published import announcement, published_content, published_run
from worker.batch.report.rows import AudioPlace, ReportInput
from worker.batch.takes_of_line import LineTake
from worker.cli import terminal
from worker.config.settings import Settings
from worker.kafka.client.events import send_event
from worker.kafka.client.producer import connect_producer
from worker.lifecycle.clock import Clock
from worker.storage.client import connect_store
from worker.storage.takes import report_key


async def publish_report(settings: Settings, given: ReportInput, name: str, findings: int) -> None:
    """Stores a report, then announces it.

    Args:
        given: the page's.
        name: of the script's file.
        findings: about the script.

    Raises:
        UsageError: the report is too large, or holds what the console doesn't read.
        StorageError: it can't be stored.
        KafkaError: it can't be announced; it is stored all the same.
    """
    content = published_content(replace(given, audio=_place, verdicts={}), name)
    report = announcement(content, Clock().now())
    run = published_run(content, report, findings)
    async with connect_store(settings.storage, 1) as store:
        await store.documents.store(report_key(settings.storage.prefix, report.sha256), content)
    async with connect_producer(settings.kafka) as producer:
        await send_event(producer, settings.kafka, run)
    terminal.note(f"published for the console: {run.total:,} lines, at /batch/{run.run_id}/report")


def _place(take: LineTake) -> AudioPlace:
    return AudioPlace(take.entry.key)
