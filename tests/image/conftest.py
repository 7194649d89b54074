import os

import pytest

from loadtest.stack.local_stack import local_stack
from tests.image.build import built_image
from tests.stack.deployment import CANNED, program


@pytest.fixture(scope="session")
def image(tmp_path_factory):
    for name in ("buildah", "mmdebstrap", "unshare", "nsenter"):
        program(name)
    if os.geteuid() != 0:
        pytest.skip("a base and a container without Docker need root")
    with built_image(tmp_path_factory.mktemp("image")) as built:
        print(f"base {built.base_s:.0f} s, build {built.build_s:.0f} s, {built.bytes / 1e6:.0f} MB")
        yield built


@pytest.fixture(scope="session")
def stack():
    with local_stack("noida", CANNED) as running:
        yield running
