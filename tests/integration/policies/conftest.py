"""An API server with our kinds, and requests to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.integration.policies.server import Server
from tests.integration.policies.trials import define_lax_kinds, define_parameters, grant_roles, keep_config_maps

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def server(api_server: Path, kinds: None) -> Iterator[Server]:
    """Return requests to an API server that has our kinds."""
    made = Server.of(api_server)
    define_parameters(made)
    define_lax_kinds(made)
    keep_config_maps(made)
    grant_roles(made)
    yield made
    made.close()
