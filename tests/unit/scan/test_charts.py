"""Values of the charts that are scanned are right, and no template is left that they make nothing of."""

import pytest
from tradeplane_stacks.components.platform_config import PlatformConfig

from tests.scan.charts import VALUES, UnseenTemplates, refuse_unseen

SOURCE = "---\n# Source: a/templates/{}.yaml\nkind: Pod\n"


@pytest.mark.parametrize("name", VALUES)
def test_values_are_a_platforms(name: str) -> None:
    PlatformConfig.read(VALUES[name])


def test_a_template_that_is_in_one_of_them_is_seen() -> None:
    refuse_unseen(["a/templates/b.yaml", "a/templates/c.yaml"], [SOURCE.format("b"), SOURCE.format("c")])


def test_what_makes_no_object_need_not_be_seen() -> None:
    refuse_unseen(["a/templates/_b.tpl", "a/templates/checks.yaml"], [])


@pytest.mark.parametrize("rendered", [[], [SOURCE.format("b")], [f"x: |\n  {SOURCE.format('c').splitlines()[1]}\n"]])
def test_a_template_that_nobody_would_judge_is_named(rendered: list[str]) -> None:
    with pytest.raises(UnseenTemplates, match=r"anything of a/templates/c\.yaml$"):
        refuse_unseen(["a/templates/c.yaml"], rendered)
