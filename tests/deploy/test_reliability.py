"""The whole stack under faults; `make reliability` is the same with more events, and docs/reliability.md has its figures."""

import pytest
from deploy.container_program import ContainerProgram

from local_cloud import reliability, stack
from local_cloud.emulator import ACCOUNT, REGION
from local_cloud.fault_proxy import FaultProxy


def test_no_event_is_lost_and_none_is_stored_twice(
    container_program: ContainerProgram, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """200 messages with duplicates and poison, puts throttled, workers killed: each ends where it belongs, and a redrive works."""
    checkout = container_program.copy_to(tmp_path_factory.mktemp("reliability") / "repository", app=reliability.APP)
    try:
        if stack.status("CDKToolkit") is None:
            checkout.cdk("bootstrap", f"aws://{ACCOUNT}/{REGION}")
        checkout.deploy()
        outcome = reliability.run(checkout, events=200)
    finally:
        checkout.remove_images()

    assert outcome.problems == ()
    assert (outcome.good_events, outcome.duplicates, outcome.poison) == (170, 20, 10)
    assert (outcome.stored, outcome.stored_twice, outcome.dead_letters) == (170, 0, 10)
    assert (outcome.stored_after_redrive, outcome.dead_letters_after_redrive) == (175, 5)
    # The faults did happen.
    assert outcome.workers_killed == 3
    assert outcome.puts_throttled > 20


def test_the_count_finds_what_went_astray() -> None:
    """Without this, a count that sees nothing would pass: an event lost, one stored twice, and a stranger are each named."""
    found = reliability.differences("stored", ["a", "b", "b", "stranger"], ["a", "b", "lost"])
    assert found == [
        "b is stored 2 times, not 1",
        "lost is stored 0 times, not 1",
        "stranger is stored 1 times, not 0",
    ]


def test_a_load_is_made_of_what_it_says() -> None:
    """Of 1,000 messages 5 % are poison and 10 % duplicates; the same seed gives the same load."""
    load = reliability.Load.of(1000, seed=3)
    assert len(load.messages) == 1000
    assert (len(load.good), len(load.early), len(load.poison)) == (850, 25, 25)
    assert len(set(load.messages)) == 900
    assert load == reliability.Load.of(1000, seed=3)
    assert load != reliability.Load.of(1000, seed=4)


def test_the_proxy_refuses_the_share_it_is_told_to() -> None:
    """One put in five, and each in the outage, by its own dice: the choice does not depend on the events."""
    proxy = FaultProxy(
        "http://127.0.0.1:1",
        host="127.0.0.1",
        throttled=0.2,
        outage=(1000, 1001),
        kill_after=frozenset(),
        kill=lambda: None,
        seed=1,
    )
    refused = sum(proxy.refuses() for _ in range(10_000))
    assert 1_850 < refused < 2_150
    assert proxy.puts == 10_000
