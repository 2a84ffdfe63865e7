"""Faults on purpose, and the count afterwards: every good event stored once, every bad one set aside, nothing else.

`make reliability` runs it. The stack is deployed with a short visibility timeout, which is then made as short as this
machine allows. Between the worker and DynamoDB a proxy throttles puts, refuses all of them for a while, and has the worker
killed in the middle of batches. Events are sent with duplicates and with two kinds of poison: texts that never become events, and events of a newer producer with a field that
the models do not know yet. Those are stored after the models learned the field and the dead letters were sent again.
"""

import argparse
import concurrent.futures
import json
import math
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import boto3

from local_cloud import emulator, engine, stack
from local_cloud.checkout import Checkout
from local_cloud.fault_proxy import FaultProxy
from local_cloud.state import LocalCloudError, locked, say, warn

APP = "python -m local_cloud.reliability_app"
WORKER_TIMEOUT = 30
_SHORTEST_VISIBILITY, _HURRIED_VISIBILITY = 10, 5
THROTTLED, OUTAGE, KILLS = 0.2, (5.0, 10.0), 3
_WORKERS = 2
_SECONDS_BETWEEN_NEWS = 15
_MODELS = "services/common/models/src/common_models/event.py"
_UNKNOWN_FIELD = "priority"


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What is sent: messages in a random order, and what is to become of them."""

    messages: list[str]
    good: set[str]
    """The ids to be stored."""
    early: set[str]
    """The ids of events with a field that the models do not know yet."""
    poison: list[str]
    """The texts that can never be stored."""

    @classmethod
    def of(cls, count: int, *, seed: int) -> "Load":
        """`count` messages: 5 % poison, 10 % duplicates, the rest good events."""
        chance = random.Random(seed)  # noqa: S311, test data
        bad, duplicates = count * 5 // 100, count * 10 // 100
        events = [_event(f"load-{number:05}", chance) for number in range(count - bad - duplicates)]
        early = [{**_event(f"early-{number:05}", chance), _UNKNOWN_FIELD: "high"} for number in range(bad // 2)]
        poison = [f'{{"id": "poison-{number:05}", "time": "yesterday"' for number in range(bad - len(early))]
        good = [json.dumps(event) for event in events]
        messages = [*good, *chance.sample(good, duplicates), *(json.dumps(event) for event in early), *poison]
        chance.shuffle(messages)
        return cls(
            messages=messages,
            good={event["id"] for event in events},
            early={event["id"] for event in early},
            poison=poison,
        )


def _event(event_id: str, chance: random.Random) -> dict[str, Any]:
    time_of_day = f"{chance.randrange(24):02}:{chance.randrange(60):02}:{chance.randrange(60):02}"
    return {
        "id": event_id,
        "source": chance.choice(["shop-berlin", "shop-oslo", "shop-seoul"]),
        "type": chance.choice(["order.placed", "order.refunded"]),
        "time": f"2026-03-01T{time_of_day}Z",
        "value": chance.randrange(100_000) / 100,
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The count after the faults, and after the fix. `problems` names every event that did not end as it should."""

    messages: int
    good_events: int
    duplicates: int
    poison: int
    puts: int
    puts_throttled: int
    workers_killed: int
    stored: int
    stored_twice: int
    dead_letters: int
    seconds_a_message_is_hidden: int
    seconds_to_drain: float
    seconds_to_drain_after_redrive: float
    stored_after_redrive: int
    dead_letters_after_redrive: int
    problems: tuple[str, ...]


def run(checkout: Checkout, *, events: int, seed: int = 1) -> Outcome:
    """Send the load through a deployed stack while things fail, then fix the models and send the dead letters again.

    Args:
        checkout: a copy of this repository that deploys `APP`; its models are changed.
        events: how many messages to send.
        seed: of the load and of the faults.

    Returns:
        The count.

    Raises:
        LocalCloudError: the queue did not drain in time.
    """
    load = Load.of(events, seed=seed)
    outputs = stack.outputs()
    worker, table = outputs["IngestionWorkerFunction"], outputs["TableName"]
    queue, dead = outputs["QueueUrl"], outputs["DeadLetterQueueUrl"]
    host, advertised = engine.address_for_containers()
    expected_puts = len(load.good)
    with FaultProxy(
        os.environ["AWS_ENDPOINT_URL"],
        host=host,
        throttled=THROTTLED,
        outage=OUTAGE,
        kill_after=frozenset(expected_puts * part // (KILLS + 1) for part in range(1, KILLS + 1)),
        kill=lambda: _kill(worker),
        seed=seed,
    ) as proxy:
        _set_endpoint(worker, f"http://{advertised}:{proxy.port}")
        _limit_concurrency(worker)
        hidden = _fit_visibility(queue, worker)
        began = time.monotonic()
        stack.send(queue, load.messages)
        say(f"sent {len(load.messages)} messages")
        refused = len(load.early) + len(load.poison)
        _wait_until_drained(
            queue,
            dead,
            letters=refused,
            settled=lambda: load.good <= set(_stored_ids(table)),
            seconds=events + 30 * hidden,
        )
        seconds = time.monotonic() - began
        say(f"the queue is empty after {seconds:.0f} s")
        ids = _stored_ids(table)
        letters = _bodies(dead, expected=refused)
        problems = [
            *differences("stored", ids, load.good),
            *differences("put into the table", proxy.stored.elements(), load.good),
            *differences("a dead letter", letters, [text for text in load.messages if _id(text) not in load.good]),
        ]

        _teach_models(checkout)
        checkout.deploy()
        say(f"fixed: the models know '{_UNKNOWN_FIELD}'")
        hidden_then = _fit_visibility(queue, worker)
        began = time.monotonic()
        _redrive(dead, queue)
        _wait_until_drained(
            queue,
            dead,
            letters=len(load.poison),
            settled=lambda: load.early <= set(_stored_ids(table)),
            seconds=events + 30 * hidden_then,
        )
        seconds_after = time.monotonic() - began
        ids_after = _stored_ids(table)
        letters_after = _bodies(dead, expected=len(load.poison))
        problems += [
            *differences("stored after the redrive", ids_after, load.good | load.early),
            *differences("a dead letter after the redrive", letters_after, load.poison),
        ]
        return Outcome(
            messages=len(load.messages),
            good_events=len(load.good),
            duplicates=len(load.messages) - len(load.good) - refused,
            poison=refused,
            puts=proxy.puts,
            puts_throttled=proxy.refused,
            workers_killed=proxy.kills,
            stored=len(ids),
            stored_twice=sum(times > 1 for times in proxy.stored.values()),
            dead_letters=len(letters),
            seconds_a_message_is_hidden=hidden,
            seconds_to_drain=round(seconds, 1),
            seconds_to_drain_after_redrive=round(seconds_after, 1),
            stored_after_redrive=len(ids_after),
            dead_letters_after_redrive=len(letters_after),
            problems=tuple(problems),
        )


def _id(message: str) -> str:
    """The id of an event; "" for a text that is none."""
    try:
        return str(json.loads(message)["id"])
    except json.JSONDecodeError:
        return ""


def differences(what: str, found: Iterable[str], wanted: Iterable[str]) -> list[str]:
    """A sentence for each event that is `what` more or less often than wanted."""
    there, due = Counter(found), Counter(wanted)
    return [
        f"{key} is {what} {there[key]} times, not {due[key]}"
        for key in sorted({*there, *due})
        if there[key] != due[key]
    ]


def _set_endpoint(function: str, address: str) -> None:
    """Have a function reach DynamoDB at another address; containers that run already are replaced."""
    client = boto3.client("lambda")
    variables = client.get_function_configuration(FunctionName=function)["Environment"]["Variables"]
    variables["AWS_ENDPOINT_URL_DYNAMODB"] = address
    client.update_function_configuration(FunctionName=function, Environment={"Variables": variables})


def _limit_concurrency(function: str) -> None:
    """As few workers at once as AWS allows: more emulated processors than this machine has would only starve."""
    client = boto3.client("lambda")
    (mapping,) = client.list_event_source_mappings(FunctionName=function)["EventSourceMappings"]
    client.update_event_source_mapping(UUID=mapping["UUID"], ScalingConfig={"MaximumConcurrency": _WORKERS})


def _fit_visibility(queue: str, worker: str) -> int:
    """Hide a message for as long as two cold starts take here, at least ten seconds; returns the seconds.

    On a slow machine it would otherwise come back, and count as received, while a worker still starts. As many workers as there
    may be at once are started at once: they slow each other down, and are warm afterwards.
    """
    began = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor() as pool:
        list(pool.map(lambda _: stack.invoke(worker, {"Records": []}), range(_WORKERS)))
    hidden = max(_SHORTEST_VISIBILITY, math.ceil(2 * (time.monotonic() - began)))
    _hide(queue, hidden)
    return hidden


def _kill(function: str) -> None:
    """Kill a function's containers as a failing host does: at once, without a word."""
    image = boto3.client("lambda").get_function(FunctionName=function)["Code"]["ImageUri"].rpartition(":")[2]
    listed = subprocess.run(
        ["docker", "ps", "--no-trunc", "--format", "{{.ID}} {{.Image}}"], check=True, capture_output=True, text=True
    )
    containers = [line.split()[0] for line in listed.stdout.splitlines() if line.endswith(image)]
    subprocess.run(["docker", "kill", *containers], check=False, capture_output=True)


def _waiting(queue: str) -> int:
    """How many messages a queue holds, those that are hidden while somebody has them included."""
    attributes = boto3.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"]
    visible = int(attributes["ApproximateNumberOfMessages"])
    return visible + int(attributes["ApproximateNumberOfMessagesNotVisible"])


def _wait_until_drained(queue: str, dead: str, *, letters: int, settled: Callable[[], bool], seconds: float) -> None:
    """Wait until the queue is empty and the dead letters are as many as expected, or more.

    Once what can be stored is, the rest only has to fail often enough: from then on it is hidden for a few seconds.
    """
    began = said = time.monotonic()
    hurried = False
    while True:
        waiting, set_aside = _waiting(queue), _waiting(dead)
        if waiting == 0 and set_aside >= letters:
            return
        if not hurried and settled():
            _hide(queue, _HURRIED_VISIBILITY)
            hurried = True
        now = time.monotonic()
        if now - began > seconds:
            raise LocalCloudError(
                f"after {seconds:.0f} s the queue still holds {waiting} messages, and there are {set_aside} dead "
                f"letters of {letters}"
            )
        if now - said > _SECONDS_BETWEEN_NEWS:
            say(f"{waiting} messages in the queue, {set_aside} dead letters")
            said = now
        time.sleep(1)


def _hide(queue: str, seconds: int) -> None:
    """Set for how long a message that is received from now on is hidden."""
    boto3.client("sqs").set_queue_attributes(QueueUrl=queue, Attributes={"VisibilityTimeout": str(seconds)})


def _stored_ids(table: str) -> list[str]:
    pages = boto3.client("dynamodb").get_paginator("scan").paginate(TableName=table, ProjectionExpression="id")
    return [item["id"]["S"] for page in pages for item in page["Items"]]


def _receive_all(queue: str, *, expected: int) -> dict[str, tuple[str, str]]:
    """Every message of a queue that nobody else reads: receipt and body, by message id. They stay in the queue."""
    sqs = boto3.client("sqs")
    found: dict[str, tuple[str, str]] = {}
    empty = 0
    while len(found) < expected or empty < 2:
        answer = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, VisibilityTimeout=60)
        messages = answer.get("Messages", [])
        found |= {message["MessageId"]: (message["ReceiptHandle"], message["Body"]) for message in messages}
        empty = 0 if messages else empty + 1
        if empty > 60:
            break
    return found


def _bodies(queue: str, *, expected: int) -> list[str]:
    """The bodies in a queue, which is left as it was."""
    sqs = boto3.client("sqs")
    found = _receive_all(queue, expected=expected)
    for receipt, _ in found.values():
        sqs.change_message_visibility(QueueUrl=queue, ReceiptHandle=receipt, VisibilityTimeout=0)
    return [body for _, body in found.values()]


def _redrive(dead: str, queue: str) -> None:
    """Send the dead letters again. On AWS it is `aws sqs start-message-move-task`, which the emulator does not have."""
    sqs = boto3.client("sqs")
    letters = _receive_all(dead, expected=_waiting(dead))
    stack.send(queue, [body for _, body in letters.values()])
    for receipt, _ in letters.values():
        sqs.delete_message(QueueUrl=dead, ReceiptHandle=receipt)
    say(f"sent {len(letters)} dead letters again")


def _teach_models(checkout: Checkout) -> None:
    """The fix: the models take the field that newer producers send."""
    checkout.replace(
        _MODELS,
        "    value: Value | None = None\n",
        f"    value: Value | None = None\n    {_UNKNOWN_FIELD}: str | None = None\n",
    )


def main() -> int:
    """Run it on an emulator of its own, which ends with it; print the count. Exit code 1 when an event went astray."""
    parser = argparse.ArgumentParser(prog="python -m local_cloud.reliability", description=__doc__)
    parser.add_argument("--events", type=int, default=1000, help="how many messages to send (default: 1000)")
    asked = parser.parse_args()
    if asked.events < 100:
        parser.error(
            f"--events is {asked.events}; with fewer than 100 there is hardly a duplicate or a poison among them"
        )
    name = "reliability"
    try:
        emulator.refuse_real_credentials(os.environ)
        with locked():
            started = engine.up()
            emulator.down(name)
            emulator.up(name)
        try:
            os.environ.update(emulator.environment(name))
            with tempfile.TemporaryDirectory() as folder:
                checkout = Checkout.copy_to(Path(folder) / "repository", app=APP)
                checkout.cdk("bootstrap", f"aws://{emulator.ACCOUNT}/{emulator.REGION}")
                checkout.deploy()
                say("deployed")
                outcome = run(checkout, events=asked.events)
        finally:
            with locked():
                emulator.down(name)
                if started:
                    engine.down()
    except LocalCloudError as error:
        warn(str(error))
        return 1
    for figure, value in asdict(outcome).items():
        if figure != "problems":
            print(f"{figure.replace('_', ' '):32} {value:>10}")
    for problem in outcome.problems:
        warn(problem)
    return 1 if outcome.problems else 0


if __name__ == "__main__":
    sys.exit(main())
