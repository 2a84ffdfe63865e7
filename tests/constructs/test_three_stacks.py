"""The example of a stack for each team."""

import json
from pathlib import Path

from examples.three_stacks.app import TEAMS, main

REPOSITORY = Path(__file__).parents[2]


def test_each_team_deploys_its_own_images_and_no_other(tmp_path: Path) -> None:
    """Every service of the repository is in exactly one stack, and its image in that stack's assets alone."""
    assembly = main(REPOSITORY, outdir=str(tmp_path)).synth()
    assert sorted(TEAMS) == sorted(stack.stack_name for stack in assembly.stacks)
    for team, services in TEAMS.items():
        assets = json.loads((tmp_path / f"{team}.assets.json").read_text())["dockerImages"].values()
        assert sorted(services) == sorted(asset["source"]["dockerBuildArgs"]["SERVICE_NAME"] for asset in assets)
    assert ["daily-report", "ingestion-worker", "legacy-export", "query-api"] == sorted(
        s for team in TEAMS.values() for s in team
    )


def test_the_stacks_do_not_depend_on_each_other(tmp_path: Path) -> None:
    """So that each can be deployed alone."""
    assembly = main(REPOSITORY, outdir=str(tmp_path), context={"aws:cdk:disable-asset-staging": True}).synth()
    assert [[], [], []] == [[d.id for d in stack.dependencies if "assets" not in d.id] for stack in assembly.stacks]
