"""Apache Kafka with its authorizer on, and the rights that `chirp-worker acl` prints, put into it.

The brokers' plain listener is the super user's: tests set up there. The roles log in on a listener of their own.
"""

import asyncio
import shlex
from dataclasses import dataclass
from pathlib import Path

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.protocol.admin import CreateAclsRequest, DescribeAclsRequest

from loadtest.stack.kafka_cluster import KafkaCluster
from loadtest.stack.ports import free_ports
from tests.until import HANG_S

PASSWORD = "of-a-test"  # a broker on loopback that runs for a minute
SUPER_USER = "User:ANONYMOUS"

# Kafka's codes (its documentation, "Protocol"): of types of resources, of patterns and of operations.
RESOURCES = {"--topic": 2, "--group": 3, "--cluster": 4, "--transactional-id": 5}
PATTERNS = {"literal": 3, "prefixed": 4}
OPERATIONS = {"Read": 3, "Write": 4, "Create": 5, "Describe": 8, "DescribeConfigs": 10, "IdempotentWrite": 12}
_ANY, _MATCH, _ALLOW = 1, 2, 3


class GuardedCluster(KafkaCluster):
    """One broker with Kafka's StandardAuthorizer, and a listener for the roles, who log in by SASL PLAIN.

    Args:
        users: their names; all have the same password.
    """

    def __init__(self, folder: Path, users: list[str]) -> None:
        self._users = users
        (self._port,) = free_ports(1)
        super().__init__(folder)

    @property
    def guarded_bootstrap(self) -> str:
        return f"127.0.0.1:{self._port}"

    def broker_settings(self, broker: int) -> dict[str, str]:
        settings = super().broker_settings(broker)
        login = "org.apache.kafka.common.security.plain.PlainLoginModule required"
        users = " ".join(f'user_{name}="{PASSWORD}"' for name in self._users)
        return settings | {
            "listeners": f"{settings['listeners']},GUARDED://{self.guarded_bootstrap}",
            "listener.security.protocol.map": f"{settings['listener.security.protocol.map']},GUARDED:SASL_PLAINTEXT",
            "listener.name.guarded.sasl.enabled.mechanisms": "PLAIN",
            "listener.name.guarded.plain.sasl.jaas.config": f"{login} {users};",
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "super.users": SUPER_USER,
        }


@dataclass(frozen=True)
class Acl:
    """One line of Kafka's table of rights, in its protocol's codes."""

    resource: int
    name: str
    pattern: int
    principal: str
    operation: int


def parse_acls(text: str) -> list[Acl]:
    """What lines of `kafka-acls.sh` allow. An option that isn't known is an error."""
    found = []
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        program, *words = shlex.split(line)
        assert program == "kafka-acls.sh"
        found += _acls_of(words)
    return found


def _acls_of(words: list[str]) -> list[Acl]:
    principal, pattern, operations, resources = "", "literal", [], []
    rest = iter(words)
    for word in rest:
        match word:
            case "--add":
                pass
            case "--bootstrap-server" | "--command-config":
                next(rest)
            case "--allow-principal":
                principal = next(rest)
            case "--operation":
                operations.append(OPERATIONS[next(rest)])
            case "--resource-pattern-type":
                pattern = next(rest)
            case "--cluster":
                resources.append((RESOURCES[word], "kafka-cluster"))
            case _:
                resources.append((RESOURCES[word], next(rest)))
    assert principal
    assert operations
    assert resources
    return [
        Acl(resource, name, PATTERNS[pattern], principal, operation)
        for resource, name in resources
        for operation in operations
    ]


async def create_acls(admin: AIOKafkaAdminClient, acls: list[Acl]) -> None:
    """Adds rights. Returns once the broker's authorizer has all of them."""
    for each in acls:
        request = CreateAclsRequest(each.resource, each.name, each.pattern, each.principal, "*", each.operation, _ALLOW)
        ((code, message),) = (await admin._send_request(request)).creation_responses
        assert code == 0, message
    names = {each.name for each in acls}
    async with asyncio.timeout(HANG_S):
        while not await _known(admin, names) >= set(acls):
            await asyncio.sleep(0.01)


async def _known(admin: AIOKafkaAdminClient, names: set[str]) -> set[Acl]:
    answer = await admin._send_request(DescribeAclsRequest(_ANY, None, _ANY, None, None, _ANY, _ANY))
    return {
        Acl(resource, name, pattern, principal, operation)
        for resource, name, pattern, acls in answer.resources
        if name in names
        for principal, _, operation, _ in acls
    }
