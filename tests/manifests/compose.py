"""Checks `compose.yaml` beyond its schema: rights, variables, pinned images, and what it names."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import yaml

from tests.manifests import environment
from tests.manifests.builds import Manifest

ROOT: Final = Path(__file__).parents[2]
# They write beside their programs: Apache Kafka its configuration, SeaweedFS its logs.
_WRITE_TO_ROOT: Final = frozenset({"kafka", "store"})


def compose() -> Manifest:
    """The committed file."""
    document: Manifest = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
    return document


def is_ours(service: Manifest) -> bool:
    """Whether a service runs chirp-worker."""
    return service.get("build") == "."


def problems(document: Manifest) -> Iterator[str]:
    """What is wrong with a Compose file."""
    services: dict[str, Any] = document["services"]
    for name, service in services.items():
        found = [*_rights(name, service), *_image(service), *_mounts(document, service)]
        if is_ours(service):
            found += environment.problems(service["environment"])
        yield from (f"{name}: {each}" for each in found)
    yield from _scraped(services)


def _rights(name: str, service: Manifest) -> Iterator[str]:
    if service.get("cap_drop") != ["ALL"]:
        yield "cap_drop must be [ALL]"
    if "no-new-privileges:true" not in service.get("security_opt", []):
        yield "security_opt lacks no-new-privileges:true"
    if name not in _WRITE_TO_ROOT and service.get("read_only") is not True:
        yield "read_only must be true"
    for port in service.get("ports", []):
        if not port.startswith("127.0.0.1:"):
            yield f"the port {port} is open to other machines"


def _image(service: Manifest) -> Iterator[str]:
    image = service.get("image", "")
    if image and ("@sha256:" not in image and image.partition(":")[2] in {"", "latest"}):
        yield f"the image {image} has no tag that says which it is"
    if not image and "build" not in service:
        yield "has neither an image nor a build"


def _mounts(document: Manifest, service: Manifest) -> Iterator[str]:
    for mount in service.get("volumes", []):
        source = mount.split(":")[0]
        if source.startswith("."):
            if not (ROOT / source).exists():
                yield f"{source} doesn't exist"
        elif source not in document["volumes"]:
            yield f"there is no volume {source}"
    for secret in service.get("secrets", []):
        if secret not in document["secrets"]:
            yield f"there is no secret {secret}"


def _scraped(services: dict[str, Any]) -> Iterator[str]:
    """What Prometheus and Grafana connect to are services."""
    aliases = {
        alias
        for service in services.values()
        for network in service.get("networks", {}).values()
        for alias in network["aliases"]
    }
    config = yaml.safe_load((ROOT / "deploy" / "prometheus" / "prometheus.yml").read_text(encoding="utf-8"))
    groups = [each for job in config["scrape_configs"] for each in job.get("static_configs", [])]
    groups += [each for manager in config["alerting"]["alertmanagers"] for each in manager["static_configs"]]
    hosts = {target.split(":")[0] for group in groups for target in group["targets"]}
    hosts |= {
        name for job in config["scrape_configs"] for each in job.get("dns_sd_configs", []) for name in each["names"]
    }
    hosts |= {
        str(urlsplit(service["environment"]["PROMETHEUS_URL"]).hostname)
        for service in services.values()
        if "PROMETHEUS_URL" in service.get("environment", {})
    }
    for host in sorted(hosts - services.keys() - aliases):
        yield f"Prometheus: there is no service {host}"
