"""The printed rights say the same as the table, whatever is in the names."""

from __future__ import annotations

import argparse
import json
import re
import shlex
from collections.abc import Iterable, Iterator

from hypothesis import given
from hypothesis import strategies as st

from schemas.topics import RETRY_DELAYS
from worker.cli.views.acl import kafka_acls_lines, terraform_blocks
from worker.kafka.acl.model import CLUSTER_NAME, Names, Right, Role
from worker.kafka.acl.rights import rights_of

NAMES = st.builds(
    Names,
    st.from_regex(r"[A-Za-z0-9._-]{1,20}", fullmatch=True),
    st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=20),
    st.just(RETRY_DELAYS),
    reply_topics=st.frozensets(st.from_regex(r"[A-Za-z0-9._-]{1,20}", fullmatch=True), max_size=3),
    follows_topic=st.booleans(),
    exactly_once=st.booleans(),
)
PRINCIPAL = st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=20).map(
    lambda name: f"User:{name}"
)
Acl = tuple[str, str, bool, str]


def acls(rights: Iterable[Right]) -> set[Acl]:
    """Type, name, whether it is a prefix, and operation: what Kafka stores for each."""
    return {
        (right.resource.value, name, right.is_prefix, operation.value)
        for right in rights
        for name in right.names
        for operation in right.operations
    }


def parse_kafka_acls(line: str) -> tuple[str, set[Acl]]:
    """The principal and the ACLs of a line, by the options of Apache Kafka's AclCommand."""
    parser = argparse.ArgumentParser(allow_abbrev=False)
    for option in ("--bootstrap-server", "--command-config", "--allow-principal"):
        parser.add_argument(option, required=True)
    parser.add_argument("--add", action="store_true", required=True)
    parser.add_argument("--cluster", action="store_true")
    parser.add_argument("--resource-pattern-type", choices=["prefixed"])
    parser.add_argument("--operation", action="append", required=True)
    resources = {"--topic": "Topic", "--group": "Group", "--transactional-id": "TransactionalId"}
    for option, name in resources.items():
        parser.add_argument(option, action="append", dest=name, default=[])
    program, *words = shlex.split(line)
    assert program == "kafka-acls.sh"
    given = parser.parse_args([f"{a}={b}" if b is not None else a for a, b in pairs(words)])
    found = {(kind, name) for kind in resources.values() for name in getattr(given, kind)}
    found |= {("Cluster", CLUSTER_NAME)} if given.cluster else set()
    prefixed = given.resource_pattern_type == "prefixed"
    return given.allow_principal, {(kind, name, prefixed, each) for kind, name in found for each in given.operation}


def pairs(words: list[str]) -> Iterator[tuple[str, str | None]]:
    """Options with their values: a value may begin with a dash."""
    rest = iter(words)
    for word in rest:
        yield word, None if word in {"--add", "--cluster"} else next(rest)


@given(role=st.sampled_from(Role), names=NAMES, principal=PRINCIPAL)
def test_the_lines_of_kafka_acls_are_the_rights(role: Role, names: Names, principal: str) -> None:
    rights = rights_of(role, names)
    lines = [line for line in kafka_acls_lines(rights, principal, "kafka:9092") if not line.startswith("#")]
    parsed = [parse_kafka_acls(line) for line in lines]
    assert {user for user, _ in parsed} == {principal}
    assert set().union(*(found for _, found in parsed)) == acls(rights)


@given(role=st.sampled_from(Role), names=NAMES, principal=PRINCIPAL)
def test_terraforms_resources_are_the_rights(role: Role, names: Names, principal: str) -> None:
    rights = rights_of(role, names)
    text = "\n".join(line for line in terraform_blocks(rights, principal) if not line.startswith("#"))
    blocks = re.findall(r'(?ms)^resource "kafka_acl" "([A-Za-z_][A-Za-z0-9_-]*)" \{\n(.*?)^\}', text)
    found = set()
    for _, body in blocks:
        values = dict(re.findall(r'(?m)^  (\w+) += (".*")$', body))
        read = {key: unquoted(value) for key, value in values.items()}
        assert (read["acl_principal"], read["acl_host"], read["acl_permission_type"]) == (principal, "*", "Allow")
        kind = {"TransactionalID": "TransactionalId"}.get(read["resource_type"], read["resource_type"])
        prefixed = read["resource_pattern_type_filter"] == "Prefixed"
        found.add((kind, read["resource_name"], prefixed, read["acl_operation"]))
    assert found == acls(rights)


def unquoted(text: str) -> str:
    return json.loads(text.replace("$${", "${").replace("%%{", "%{"))


def test_terraforms_labels_are_different() -> None:
    names = Names("tts", "chirp-worker", RETRY_DELAYS, frozenset({"tts-a", "tts_b"}), exactly_once=True)
    for role in Role:
        labels = re.findall(r'"kafka_acl" "(.*)"', "\n".join(terraform_blocks(rights_of(role, names), "User:w")))
        assert len(labels) == len(set(labels)) > 0
