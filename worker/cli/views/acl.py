"""Rights as lines of `kafka-acls.sh`, and as resources of Terraform's provider Mongey/kafka. Pure."""

import json
import re
import shlex
from collections.abc import Iterable, Iterator
from typing import Final

from worker.kafka.acl.model import Resource, Right

_OPTION: Final = {
    Resource.TOPIC: "--topic",
    Resource.GROUP: "--group",
    Resource.TRANSACTIONAL_ID: "--transactional-id",
}
# The provider's own spelling: its `stringToACLResource`.
_TERRAFORM_TYPE: Final = {Resource.TRANSACTIONAL_ID: "TransactionalID"}


def kafka_acls_lines(rights: Iterable[Right], principal: str, bootstrap_servers: str) -> Iterator[str]:
    """One command for each right, after a comment that says what it is for."""
    for right in rights:
        words = ["kafka-acls.sh", "--bootstrap-server", bootstrap_servers, "--command-config", "admin.properties"]
        words += ["--add", "--allow-principal", principal]
        for operation in right.operations:
            words += ["--operation", operation.value]
        if right.resource is Resource.CLUSTER:
            words += ["--cluster"]
        for name in right.names:
            if right.resource is not Resource.CLUSTER:
                words += [_OPTION[right.resource], name]
        if right.is_prefix:
            words += ["--resource-pattern-type", "prefixed"]
        yield f"# {right.purpose}"
        yield shlex.join(words)


def terraform_blocks(rights: Iterable[Right], principal: str) -> Iterator[str]:
    """One resource for each operation on each name: the provider knows no lists."""
    for right in rights:
        yield f"# {right.purpose}"
        for name in right.names:
            for operation in right.operations:
                label = re.sub(r"[^A-Za-z0-9_-]+", "_", f"{principal} {right.resource} {name} {operation}")
                values = {
                    "resource_name": name,
                    "resource_type": _TERRAFORM_TYPE.get(right.resource, right.resource.value),
                    "resource_pattern_type_filter": "Prefixed" if right.is_prefix else "Literal",
                    "acl_principal": principal,
                    "acl_host": "*",
                    "acl_operation": operation.value,
                    "acl_permission_type": "Allow",
                }
                yield f'resource "kafka_acl" {_quoted(label)} {{'
                width = max(map(len, values))
                yield from (f"  {key:<{width}} = {_quoted(value)}" for key, value in values.items())
                yield "}"


def _quoted(text: str) -> str:
    # Terraform would read ${ and %{ in a text as expressions.
    return json.dumps(text, ensure_ascii=False).replace("${", "$${").replace("%{", "%%{")
