"""The bill of materials has each package of the lock file, with the hashes that pip checks."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[3]


def test_each_locked_package_is_in_the_bill_with_its_version_and_hashes(tmp_path: Path) -> None:
    bill = tmp_path / "sbom.cdx.json"
    options = ["--pyproject", "pyproject.toml", "--mc-type", "application", "--output-reproducible", "-o", str(bill)]
    assert f"cyclonedx-py requirements {' '.join(options[:-1])}" in (ROOT / "Makefile").read_text(encoding="utf-8")
    command = [sys.executable, "-m", "cyclonedx_py", "requirements", *options, "requirements/image.txt"]
    subprocess.run(command, check=True, cwd=ROOT, capture_output=True)
    written = json.loads(bill.read_text(encoding="utf-8"))
    assert (written["bomFormat"], written["specVersion"]) == ("CycloneDX", "1.6")
    assert written["metadata"]["component"]["name"] == "chirp-worker"
    locked = (ROOT / "requirements" / "image.txt").read_text(encoding="utf-8")
    lines = (line.removesuffix("\\").strip() for line in locked.splitlines() if line[:1].isalnum())
    pinned = {f"{canonicalize_name(each.name)}{each.specifier}" for each in map(Requirement, lines)}
    listed = {f"{canonicalize_name(each['name'])}=={each['version']}" for each in written["components"]}
    assert listed == pinned
    hashes = [hashed for each in written["components"] for hashed in each["externalReferences"][0]["hashes"]]
    assert len(hashes) == locked.count("--hash=sha256:")
