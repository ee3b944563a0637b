"""A ConfigMap of a layer has its files by their names, and a digest in its own where what mounts it starts anew."""

import pytest
import yaml
from tradeplane_stacks.components.platform_layer import ConfigMapFiles, Layer


def test_a_config_map_has_its_files_by_their_names() -> None:
    made = ConfigMapFiles("trust", {"root.json": "{}", "keys.json": "[]"}).generator()
    assert (made["name"], made["namespace"]) == ("trust", "tradeplane-system")
    assert made["files"] == ["root.json=trust/root.json", "keys.json=trust/keys.json"]


@pytest.mark.parametrize("rolls", [True, False])
def test_its_name_has_a_digest_where_it_rolls_and_nowhere_else(*, rolls: bool) -> None:
    found = dict(Layer("trust", config_maps=(ConfigMapFiles("trust", {"root.json": "{}"}, rolls=rolls),)).files())
    assert found["trust/trust/root.json"] == "{}"
    (made,) = yaml.safe_load(found["trust/kustomization.yaml"])["configMapGenerator"]
    assert made.get("options", {}).get("disableNameSuffixHash", False) is not rolls
