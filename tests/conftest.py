"""What all tests share: property tests do not depend on how busy the machine is."""

from hypothesis import HealthCheck, settings

settings.register_profile("costmodel", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("costmodel")
