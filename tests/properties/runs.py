"""The laws over many generated workspaces: the same ones in every run, for the tests and for the seeded mistakes."""

from collections import Counter
from itertools import count

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from properties.changes import related, unrelated
from properties.laws import check_change, check_same_lock, check_same_tree, check_selective, written
from properties.workspaces import Description, workspaces

ONE_IN = 8
"""Installing takes ten times as long as exporting: one example in so many is installed."""

# A failing example is a whole workspace, readable as it is: shrinking it by uv takes minutes.
_every_run = settings(
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    report_multiple_bugs=False,
    suppress_health_check=[HealthCheck.too_slow],
)


def laws_1_and_2(examples: int, seen: "Counter[str]") -> None:
    """A context locks and installs what the workspace does for it, and holds nothing of others."""
    number = count()

    @settings(_every_run, max_examples=examples)
    @given(description=workspaces())
    def hold(description: Description) -> None:
        with written(description) as case:
            check_same_lock(case)
            check_selective(case)
            if next(number) % ONE_IN == 0 and check_same_tree(case):
                seen["(installed)"] += 1
        seen.update(["examples", *description.features])

    hold()


def laws_3_and_4(examples: int, seen: "Counter[str]") -> None:
    """A context changes with its closure and with nothing else."""

    @settings(_every_run, max_examples=examples)
    @given(description=workspaces(), data=st.data())
    def hold(description: Description, data: st.DataObject) -> None:
        edits = {"unrelated": data.draw(unrelated(description)), "related": data.draw(related(description))}
        with written(description) as case:
            for relation, (kind, edit) in edits.items():
                held = check_change(case, edit, related=relation == "related")
                seen.update([f"{relation}: {kind}" if held else "(locked otherwise)"])
        seen.update(["examples"])

    hold()
