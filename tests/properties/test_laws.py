"""Laws 1 to 4 on generated workspaces, with uv as the oracle."""

from collections import Counter

from properties.runs import ONE_IN, laws_1_and_2, laws_3_and_4
from properties.workspaces import FEATURES

EXAMPLES = 200
CHANGES = 60


def test_a_context_locks_and_installs_what_the_workspace_does_for_it(seen: "Counter[str]") -> None:
    """Laws 1 and 2, whatever the workspace is made of; every feature is in at least a tenth of the examples."""
    laws_1_and_2(EXAMPLES, seen)
    assert seen["examples"] >= EXAMPLES
    assert seen["(installed)"] >= EXAMPLES / ONE_IN / 2
    assert {feature for feature in FEATURES if seen[feature] < seen["examples"] / 10} == set()


def test_a_context_changes_with_its_closure_and_with_nothing_else(seen: "Counter[str]") -> None:
    """Laws 3 and 4, for random edits of random workspaces, related and unrelated ones."""
    laws_3_and_4(CHANGES, seen)
    assert seen["examples"] >= CHANGES
    assert seen["(locked otherwise)"] < CHANGES / 4
