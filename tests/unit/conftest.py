"""How hypothesis runs here: no deadlines, for machines are busy, and no complaint about slow generation."""

from hypothesis import HealthCheck, settings

settings.register_profile("unit", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unit")
