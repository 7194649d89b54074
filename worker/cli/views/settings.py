"""What `config show` shows of the settings."""

from pydantic import SecretStr

from worker.config.settings import Settings, mask_credentials, variables


def settings_rows(settings: Settings) -> list[dict[str, object]]:
    """One row a setting: its variable, its value with secrets masked, and what is allowed."""
    rows: list[dict[str, object]] = []
    for name in type(settings).model_fields:
        section = getattr(settings, name)
        for variable, field in variables(type(section)).items():
            allowed = type(section).model_fields[field].description
            rows.append({"variable": variable, "value": _shown(variable, getattr(section, field)), "allowed": allowed})
    return rows


def _shown(variable: str, value: object) -> str:
    if value is None:
        return "(unset)"
    if isinstance(value, SecretStr):
        return "***"
    if isinstance(value, frozenset | dict):
        # The webhooks' audiences alone: an address is a secret.
        return ",".join(f"{name}=***" if isinstance(value, dict) else name for name in sorted(value)) or "(empty)"
    if isinstance(value, bool):
        return str(value).lower()
    if variable == "CHIRP3_ROLLOUT_PERCENTAGE" and isinstance(value, int):
        return f"{value / 100:g}"
    return mask_credentials(str(value)) or "(empty)"
