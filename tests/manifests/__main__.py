"""Checks `deploy/` and `compose.yaml`: `python -m tests.manifests`. Prints counts; exit code 1 if anything is wrong."""

import sys
from collections import Counter
from collections.abc import Iterator

from tests.manifests import autoscaling, compose, environment, hardening, object_schemas, references, systemd
from tests.manifests.builds import Overlay, name_of, overlays, pods
from tests.manifests.misspelt import misspelt


def overlay_problems(overlay: Overlay, counts: Counter[str]) -> Iterator[str]:
    """What is wrong with an overlay; counts what was checked."""
    for manifest in overlay.objects:
        counts["objects"] += 1
        counts["custom objects"] += object_schemas.is_custom(manifest)
        for version in object_schemas.VERSIONS:
            if (found := object_schemas.problem(manifest, version)) is not None:
                yield f"{name_of(manifest)}, Kubernetes {version}: {found}"
    yield from references.problems(overlay)
    for name, template in pods(overlay):
        counts["pod templates"] += 1
        yield from (f"{name}: {each}" for each in hardening.problems(template))
        for container in template["spec"]["containers"]:
            variables = environment.container_environment(overlay, container)
            counts["variables"] += len(variables)
            found = list(environment.problems(variables))
            yield from (f"{name}: {each}" for each in found)
            if not found and container["name"] == "worker":
                yield from autoscaling.problems(overlay, environment.settings_of(variables))


def _check_compose() -> int:
    document = compose.compose()
    services = document["services"].values()
    ours = [each for each in services if compose.is_ours(each)]
    found = list(compose.problems(document))
    for each in found:
        print(f"compose.yaml: {each}")
    variables = sum(len(each["environment"]) for each in ours)
    print(f"compose.yaml: {len(services)} services, {len(ours)} ours with {variables} variables: {len(found)} problems")
    return len(found)


def _check_systemd() -> int:
    wrong = 0
    for name, unit in systemd.units().items():
        found = list(systemd.problems(name, unit))
        for each in found:
            print(f"{name}: {each}")
        print(f"{name}: {len(systemd.variables(unit))} variables: {len(found)} problems")
        wrong += len(found)
    return wrong


def main() -> int:
    """Prints a line for each file or overlay, and each problem."""
    built, wrong, misspelt_fields = overlays(), 0, set[str]()
    for overlay in built:
        counts: Counter[str] = Counter()
        found = list(overlay_problems(overlay, counts))
        for each in found:
            print(f"{overlay.name}: {each}")
        wrong += len(found)
        print(
            f"{overlay.name}: {counts['objects']} objects ({counts['custom objects']} custom) for Kubernetes "
            f"{' and '.join(object_schemas.VERSIONS)}, {counts['pod templates']} pod templates, "
            f"{counts['variables']} variables: {len(found)} problems"
        )
    wrong += _check_compose() + _check_systemd()
    manifests = [manifest for overlay in built for manifest in overlay.objects]
    changed = [each for manifest in manifests for each in misspelt(manifest, misspelt_fields)]
    accepted = [name for name, each in changed if object_schemas.problem(each, object_schemas.VERSIONS[-1]) is None]
    print(f"{len(changed)} fields misspelt, one at a time: {len(changed) - len(accepted)} refused")
    for name in accepted:
        print(f"{name} misspelt is accepted")
    return 1 if wrong or accepted else 0


if __name__ == "__main__":
    sys.exit(main())
