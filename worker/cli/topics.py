"""The command about Kafka's topics: `topics create`."""

import asyncio
from typing import Annotated

import typer

from worker.cli import terminal
from worker.cli.options import AsJson
from worker.cli.views.topics import topic_rows
from worker.config.settings import load_settings
from worker.kafka.client.admin import connect_admin
from worker.kafka.client.topics import create_topics

app = typer.Typer(no_args_is_help=True, help="The Kafka topics.")


@app.callback()
def _topics() -> None:
    # Without a callback typer would make the only command the group itself.
    pass


@app.command()
def create(
    replication_factor: Annotated[
        int | None, typer.Option(min=1, help="Of new topics; default 3, or as many as there are brokers.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Create the topics that are missing; report those that are there and differ."""
    settings = load_settings()

    async def create_missing() -> list[dict[str, object]]:
        async with connect_admin(settings.kafka) as admin:
            states = await create_topics(
                admin,
                settings.kafka.topic_prefix,
                settings.delivery.retry_delays,
                replication_factor,
                settings.delivery.reply_topics,
            )
        return topic_rows(states)

    terminal.show(asyncio.run(create_missing()), as_json=as_json)
