"""`python -m supply_chain`: lists the licences of what is shipped, and fails where one is missing or not allowed."""

import argparse
import sys
from pathlib import Path

from supply_chain.allowed import find_objection
from supply_chain.dependencies import Licence, locked_packages, packages_of_extras, read_licences
from supply_chain.vendored import VENDORED

_ROOT = Path(__file__).parents[1]


def main() -> int:
    """Prints a line for each package, or with `--check` for those alone that are refused; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m supply_chain", description=__doc__)
    parser.add_argument("--lock", type=Path, default=_ROOT / "requirements" / "run.txt", help="default: run.txt")
    parser.add_argument("--check", action="store_true", help="print what is refused alone")
    options = parser.parse_args()
    packages = locked_packages(options.lock) | packages_of_extras("chirp-worker")
    licences = read_licences(packages)
    vendored = [Licence(f"npm:{each.package}", each.version, each.licence) for each in VENDORED]
    for missing in sorted(packages - {each.package for each in licences}):
        print(f"refused: {missing} isn't installed, so its licence is unknown", file=sys.stderr)
    refused = len(packages) - len(licences)
    for each in (*licences, *vendored):
        if not options.check:
            print(f"{each.package:<50} {each.version:<20} {each.licence}")
        if objection := find_objection(each.licence):
            refused += 1
            print(f"refused: {each.package} {each.version}: {objection}; supply_chain/allowed.py", file=sys.stderr)
    print(f"{len(packages) + len(vendored)} packages, {refused} refused")
    return 1 if refused else 0


if __name__ == "__main__":
    sys.exit(main())
