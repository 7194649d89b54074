"""Rows for `config show`: each setting with its value and the allowed values."""

from pydantic import SecretStr

from worker.config.secret_file import SecretFile
from worker.config.settings import Settings, mask_secrets, variables
from worker.config.webhooks import MessageFormat, split_address


def settings_rows(settings: Settings) -> list[dict[str, object]]:
    """One row for each setting: its variable, its value with secrets masked, and the allowed values."""
    rows: list[dict[str, object]] = []
    for name in type(settings).model_fields:
        section = getattr(settings, name)
        for variable, field in variables(type(section)).items():
            allowed = type(section).model_fields[field].description
            rows.append({"variable": variable, "value": _format(variable, getattr(section, field)), "allowed": allowed})
    return rows


def _format(variable: str, value: object) -> str:
    if value is None:
        return "(unset)"
    if isinstance(value, SecretStr):
        return f"*** (in {value.path})" if isinstance(value, SecretFile) else "***"
    if isinstance(value, frozenset | dict):
        entries = [
            f"{each}={_format_entry(variable, value[each])}" if isinstance(value, dict) else each for each in value
        ]
        return ",".join(sorted(entries)) or "(empty)"
    if isinstance(value, bool):
        return str(value).lower()
    if variable == "CHIRP3_ROLLOUT_PERCENTAGE" and isinstance(value, int):
        return f"{value / 100:g}"
    return mask_secrets(str(value)) or "(empty)"


def _format_entry(variable: str, value: object) -> str:
    # Of a webhook the format is shown: its URL is a secret.
    if variable == "ROLLOUT_WEBHOOKS" and isinstance(value, SecretStr):
        chosen, _ = split_address(value.get_secret_value())
        return "***" if chosen is MessageFormat.TEXT else f"{chosen}+***"
    return "***"
