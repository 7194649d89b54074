"""The settings of traces: OpenTelemetry's own variables, as far as a wrong value would change something silently."""

from typing import Literal

from pydantic import FilePath

from worker.config.parsing import Flag, Secret
from worker.config.section import SettingsSection, setting


class TracingSettings(SettingsSection):
    """Traces, by OpenTelemetry's own variables; the SDK reads those that aren't listed here."""

    exporter: Literal["none", "otlp"] = setting(
        "OTEL_TRACES_EXPORTER", "otlp (needs the extra otel), or none: no traces", "none"
    )
    sdk_disabled: Flag = setting("OTEL_SDK_DISABLED", "true or false; true: no traces", default=False)
    service_name: str = setting("OTEL_SERVICE_NAME", "the name of the service in traces", "chirp-worker", min_length=1)
    endpoint: str = setting(
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "http:// or https:// and a host with a port, without user and query",
        "http://localhost:4317",
        pattern=r"^https?://[^\s?#@]+$",
    )
    protocol: Literal["grpc"] = setting("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", "grpc")
    headers: Secret | None = setting(
        "OTEL_EXPORTER_OTLP_HEADERS", "name=value with commas, values URL-encoded, such as a receiver's key", None
    )
    certificate: FilePath | None = setting(
        "OTEL_EXPORTER_OTLP_CERTIFICATE", "the path of a file that exists: the receiver's CA, in PEM", None
    )
    sampler: Literal[
        "always_on",
        "always_off",
        "traceidratio",
        "parentbased_always_on",
        "parentbased_always_off",
        "parentbased_traceidratio",
    ] = setting(
        "OTEL_TRACES_SAMPLER",
        "always_on, always_off, traceidratio, parentbased_always_on, parentbased_always_off or "
        "parentbased_traceidratio",
        "parentbased_always_on",
    )
    sampler_share: float = setting(
        "OTEL_TRACES_SAMPLER_ARG", "0 to 1: the share of traces of a …traceidratio sampler", 1.0, ge=0, le=1
    )

    @property
    def enabled(self) -> bool:
        """Whether spans are recorded."""
        return self.exporter == "otlp" and not self.sdk_disabled
