from tests.kafka.conftest import (  # noqa: F401  # fixtures
    cluster,
    deployment,
    deployment_on_three,
    kafka_stack,
    own_cluster,
    three_brokers,
    three_for_all,
)
