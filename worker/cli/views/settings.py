"""Rows for `config show`: each setting with its value and the allowed values."""

from pydantic import SecretStr

from worker.config.settings import Settings, mask_credentials, variables


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
        return "***"
    if isinstance(value, frozenset | dict):
        # Only the audiences of webhooks are shown: their URLs are secrets.
        return ",".join(f"{name}=***" if isinstance(value, dict) else name for name in sorted(value)) or "(empty)"
    if isinstance(value, bool):
        return str(value).lower()
    if variable == "CHIRP3_ROLLOUT_PERCENTAGE" and isinstance(value, int):
        return f"{value / 100:g}"
    return mask_credentials(str(value)) or "(empty)"
