"""Who signs, and what goes with which signer."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tradeplane_operator.settings import Evidence as OperatorsEvidence
from tradeplane_stacks.components.configuration import InvalidConfiguration
from tradeplane_stacks.components.platform_evidence import KEY_FILE, Evidence

from tests.unit.stacks.components.platforms import KEYLESS, TRUST_CONFIG, private_key

LOGIN = json.dumps({"auths": {"registry.example": {"auth": "b2YtYS10ZXN0"}}})
BY_FILE: dict[str, Any] = {"registry": "registry.example/runs", "signer": KEY_FILE}
BY_KMS: dict[str, Any] = {**BY_FILE, "signer": "awskms:///alias/runs"}
BY_NOBODY: dict[str, Any] = {**BY_FILE, "signer": KEYLESS}


@pytest.mark.parametrize(
    "given",
    [
        {**BY_FILE, "signing_key": private_key(), "registry_login": LOGIN},
        {**BY_KMS, "signatures_per_second": 2.5, "timestamp_authority": "https://timestamps.example"},
        {**BY_NOBODY, "trust_config": TRUST_CONFIG, "sigstore_ports": [5555, 3003]},
        BY_NOBODY,
    ],
)
def test_each_signer_is_taken_with_what_is_its_own(given: dict[str, Any]) -> None:
    found = Evidence.read(given)
    assert found.keyless is (given["signer"] == KEYLESS)
    assert OperatorsEvidence(registry=found.registry, signer=found.signer).signer == given["signer"]
    assert not found.plain_http
    assert not found.required


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({**BY_FILE, "trust_config": TRUST_CONFIG}, "trust_config and sigstore_ports are for a signer of keyless:"),
        ({**BY_KMS, "sigstore_ports": [5555]}, "trust_config and sigstore_ports are for a signer of keyless:"),
        ({**BY_NOBODY, "signing_key": private_key()}, "signing_key is for the signer file:"),
        ({**BY_KMS, "signing_key": private_key()}, "awskms:///alias/runs has its own"),
        (
            {**BY_NOBODY, "timestamp_authority": "https://timestamps.example"},
            "timestamp_authority: a signer of keyless:",
        ),
        ({**BY_NOBODY, "trust_config": {"mediaType": "application/json"}}, "trust_config: .*is no ClientTrustConfig"),
        ({**BY_NOBODY, "trust_config": "root.json"}, "trust_config"),
        ({**BY_NOBODY, "sigstore_ports": [0]}, r"sigstore_ports\.0"),
        ({**BY_NOBODY, "sigstore_ports": [65536]}, r"sigstore_ports\.0"),
        ({**BY_FILE, "signer": KEYLESS.replace("/var/run/secrets/sigstore", "/elsewhere")}, "signer"),
        ({**BY_FILE, "signer": KEYLESS.replace("/etc/tradeplane-sigstore", "/elsewhere")}, "signer"),
        ({**BY_FILE, "signer": f"{KEYLESS}&token-file=/elsewhere/token"}, "signer"),
        ({**BY_FILE, "signer": KEYLESS.partition("&")[0]}, "signer"),
        ({**BY_FILE, "registry_login": "user:password"}, "registry_login: .*is no JSON"),
        ({**BY_FILE, "registry_login": "[]"}, "registry_login: .*is no config.json of docker"),
        ({**BY_FILE, "registry_login": '{"HttpHeaders": {}}'}, "registry_login: .*is no config.json of docker"),
        ({**BY_FILE, "signatures_per_second": 0}, "signatures_per_second"),
    ],
)
def test_what_does_not_go_together_is_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidConfiguration, match=message):
        Evidence.read(given)


def test_a_login_is_not_shown() -> None:
    assert "b2YtYS10ZXN0" not in repr(Evidence.read({**BY_FILE, "registry_login": LOGIN}))
    with pytest.raises(InvalidConfiguration) as refused:
        Evidence.read({**BY_FILE, "registry_login": "b2YtYS10ZXN0"})
    assert "b2YtYS10ZXN0" not in str(refused.value)
