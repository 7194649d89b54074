"""No output shows a secret: canaries in every secret setting, searched for in all that workers and commands write."""

import json

from loadtest.stack.seaweedfs import SECRET_KEY
from schemas.enums import Lane
from schemas.topics import COMPLETIONS, DEAD_LETTERS
from tests.stack import cli
from tests.stack.deployment import get, job

CANARY = "CANARY"
SECRETS = {
    "CHIRP3_SALT": f"salt-{CANARY}",
    "HTTP_TOKEN": f"a-long-token-{CANARY}",
    "ROLLOUT_WEBHOOKS": f"team=http://127.0.0.1:9/{CANARY},oncall=pagerduty+http://127.0.0.1:9/{CANARY}",
    "ROLLOUT_WEBHOOK_KEYS": f"oncall={CANARY:0<32}",
    "PROMETHEUS_URL": f"http://anna:{CANARY}@127.0.0.1:9",
}
UNREACHED = {
    **SECRETS,
    "S3_ACCESS_KEY_ID": f"key-{CANARY}",
    "S3_SECRET_ACCESS_KEY": f"secret-{CANARY}",
    "S3_ENDPOINT_URL": "http://127.0.0.1:9",
    "TTS_ENDPOINT": "127.0.0.1:9",
}
# Each alone is refused at the start.
REFUSED = {
    "ROLLOUT_WEBHOOK": f"team=https://hooks.example/{CANARY}",
    "GOOGLE_APPLICATION_CREDENTIALS": json.dumps({"type": "service_account", "private_key": CANARY}),
    "PROMETHEUS_URL": f"https://prometheus.example/?token={CANARY}",
    "S3_ENDPOINT_URL": f"http://store.example/?sig={CANARY}",
    "KAFKA_SASL_PASSWORD": CANARY,
    "S3_ACCESS_KEY": CANARY,
    "ROLLOUT_WEBHOOKS": f"https://hooks.example/{CANARY}",
    "ROLLOUT_WEBHOOK_KEYS": f"team={CANARY}",
    "HTTP_TOKEN": CANARY,
    "CHIRP3_SALTS": CANARY,
}


def everything(records: list) -> list[str]:
    return [str((record.key, record.value, record.headers)) for record in records]


async def test_no_secret_stands_in_any_output_of_a_worker_or_a_command(deployment):
    outputs: dict[str, list[str]] = {}
    deployment.environment |= {**SECRETS, "ROLLOUT_SOURCE": "topic", "LOG_LEVEL": "debug"}
    with deployment.worker() as (process, address):
        jobs = [job(number, user_id=f"u{number}") for number in range(6)]
        await deployment.produce([*jobs, b"no job", {**job(7), "character": "nobody"}], Lane.BATCH)
        await deployment.completions(7)
        outputs["/readyz"] = [(await get(f"{address}/readyz"))[1]]
        outputs["/metrics"] = [(await get(f"{address}/metrics"))[1]]
        outputs["lane resume"] = [output(await cli.run(deployment, "lane", "resume", "batch", "--url", address))]
        deployment.environment["HTTP_TOKEN"] = f"another-token-{CANARY}"
        outputs["lane resume, refused"] = [
            output(await cli.run(deployment, "lane", "resume", "batch", "--url", address))
        ]
    outputs["log"] = process.log.read_text().splitlines()
    outputs["completions"] = everything(await deployment.read(COMPLETIONS, 7))
    outputs["dead letters"] = everything(await deployment.read(DEAD_LETTERS, 2))
    for command in (
        "config show", "config show --json", "decide", "decide --user-id u1 --json", "rollout status", "doctor",
        "rollout status --json", "rollout history", "rollout history --json", "rollout explain --user-id u1",
        "rollout set --percentage 60 --yes", "rollout set --percentage 50 --json", "dead-letters list", "topics create",
        "dead-letters show x", "rollout notify --test",
    ):  # fmt: skip
        outputs[command] = [output(await cli.run(deployment, *command.split()))]
    deployment.environment |= UNREACHED
    for command in ("config show", "doctor", "takes check --stored-only"):
        outputs[f"{command}, unreached"] = [output(await cli.run(deployment, *command.split()))]
    for variable, value in REFUSED.items():
        environment = {name: each for name, each in deployment.environment.items() if name not in REFUSED}
        refused = cli.call({**environment, variable: value}, "config", "show")
        assert refused.returncode == 2, (variable, output(refused))
        outputs[f"{variable}, refused"] = [output(refused)]
    searched = sum(len(texts) for texts in outputs.values())
    shown = sorted(
        {
            name
            for name, texts in outputs.items()
            if any(secret in text for text in texts for secret in (CANARY, SECRET_KEY))
        }
    )
    assert shown == [], f"of {searched} outputs"
    assert all(any(texts) for texts in outputs.values()), {name for name, texts in outputs.items() if not any(texts)}
    assert searched > 60


def output(ended) -> str:
    return ended.stdout + ended.stderr
