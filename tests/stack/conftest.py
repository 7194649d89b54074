import pytest

from loadtest.stack.local_stack import local_stack
from tests.stack.cli import start_fork
from tests.stack.deployment import CANNED, Deployment
from worker.speech.catalogue_file import load_catalogue


@pytest.fixture(scope="session")
def catalogue():
    return load_catalogue()


@pytest.fixture(scope="session")
def stack():
    """Broker, store and emulator for all tests: each test has its own topics, group and prefix on them."""
    with local_stack("noida", CANNED) as running:
        yield running


@pytest.fixture
async def deployment(stack, tmp_path):
    mine = Deployment(stack, tmp_path, start_fork)
    await mine.reset_emulator()
    await mine.create_topics()
    return mine
