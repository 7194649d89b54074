"""What a section of the settings is made of: fields, each with its environment variable and its allowed values."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class SettingsSection(BaseModel):
    """A section of the settings; each field is read from the environment variable of its alias."""

    model_config = ConfigDict(frozen=True, extra="ignore", validate_default=True, allow_inf_nan=False)


def setting(variable: str, allowed: str, default: Any = ..., **constraints: Any) -> Any:
    """A field that is read from a variable; `allowed` says which values it may have, for people."""
    return Field(default, validation_alias=variable, description=allowed, **constraints)
