"""What all tests share: property tests do not depend on how busy the machine is."""

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("costmodel", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("costmodel")


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory, monkeypatch):
    """No test reads what another one, or the user, has searched."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
