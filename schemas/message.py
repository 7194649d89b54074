"""Base classes of the messages."""

from typing import Any

from pydantic import BaseModel, ConfigDict, GetJsonSchemaHandler, model_validator
from pydantic_core import CoreSchema


class Message(BaseModel):
    """The base of all messages: immutable; an unknown field is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=False)


class Request(Message):
    """The base of what producers send. In every optional field, null means the default, as if it were left out."""

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, document: Any) -> Any:
        if not isinstance(document, dict) or None not in document.values():
            return document
        return {name: value for name, value in document.items() if value is not None or cls._is_needed(name)}

    @classmethod
    def _is_needed(cls, name: str) -> bool:
        # A name that is no field stays too: it is an error, whatever its value.
        return name not in cls.model_fields or cls.model_fields[name].is_required()

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        schema = handler.resolve_ref_schema(handler(core_schema))
        needed = schema.get("required", ())
        for name, stated in schema["properties"].items():
            if name not in needed:
                schema["properties"][name] = _or_null(stated)
        return {name: _with_strict_ends(each) for name, each in schema.items()}


def _or_null(schema: dict[str, Any]) -> dict[str, Any]:
    null = {"type": "null"}
    if null in schema.get("anyOf", ()):
        return schema
    about = {key: value for key, value in schema.items() if key in {"default", "description", "title"}}
    return {"anyOf": [{key: value for key, value in schema.items() if key not in about}, null], **about}


def _with_strict_ends(schema: Any) -> Any:
    # In Python and Java `$` matches before a last newline too; in ECMA-262, which JSON Schema names, it doesn't.
    if isinstance(schema, list):
        return [_with_strict_ends(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    strict = {name: _with_strict_ends(each) for name, each in schema.items()}
    pattern = strict.get("pattern")
    if isinstance(pattern, str) and pattern.endswith("$") and "[^" not in pattern:
        strict["pattern"] = rf"(?:{pattern})(?!\n)"
    return strict
