"""Validates objects as Kubernetes' API server does with strict field validation: an unknown field is an error."""

import functools
from pathlib import Path
from typing import Any, Final

import jsonschema
import kubernetes_validate
import yaml

from tests.manifests.builds import Manifest

OLDEST: Final = "1.27"
"""The oldest version that deploy/kubernetes is for; docs/deploy.md names it."""

VERSIONS: Final = (OLDEST, kubernetes_validate.latest_version())
_CRDS: Final = Path(__file__).parent / "crds"
# Their definitions hold for all versions of Kubernetes.
_CUSTOM: Final = ("keda.sh", "monitoring.coreos.com")


def is_custom(manifest: Manifest) -> bool:
    """Whether a custom resource definition describes the object."""
    return manifest["apiVersion"].partition("/")[0] in _CUSTOM


def problem(manifest: Manifest, version: str) -> str | None:
    """What is wrong with an object for a version of Kubernetes, with the path of the field; None if nothing is."""
    try:
        if is_custom(manifest):
            _custom_validator(manifest["apiVersion"], manifest["kind"]).validate(manifest)
        else:
            kubernetes_validate.validate(manifest, version, strict=True)
    except jsonschema.ValidationError as error:
        return f"{'.'.join(map(str, error.absolute_path)) or 'object'}: {error.message}"
    except kubernetes_validate.SchemaNotFoundError as error:
        return str(error.message)
    return None


@functools.cache
def _custom_validator(api_version: str, kind: str) -> jsonschema.Draft202012Validator:
    group, version = api_version.split("/")
    for path in _CRDS.glob(f"{group}_*.yaml"):
        definition = yaml.safe_load(path.read_text(encoding="utf-8"))["spec"]
        if definition["names"]["kind"] == kind:
            (schema,) = (each["schema"] for each in definition["versions"] if each["name"] == version)
            return jsonschema.Draft202012Validator(_strict(schema["openAPIV3Schema"]))
    raise SystemExit(f"{api_version} {kind}: no definition in {_CRDS}")


def _strict(schema: Any, *, field: str = "") -> Any:
    """The schema without unknown fields, which the definition alone would have the API server drop."""
    if isinstance(schema, list):
        return [_strict(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    strict = {
        name: {key: _strict(each, field=key) for key, each in value.items()} if name == "properties" else _strict(value)
        for name, value in schema.items()
    }
    # `metadata` is described by Kubernetes itself.
    if "properties" in schema and not schema.get("x-kubernetes-preserve-unknown-fields") and field != "metadata":
        strict.setdefault("additionalProperties", False)
    return strict
