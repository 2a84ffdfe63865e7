"""What `make local` shows: the stack deployed on this machine, events in, one of them back."""

import json
import os
import subprocess
import time
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from local_cloud import emulator, engine, stack
from local_cloud.state import PROJECT, LocalCloudError, home, say

EMULATOR = "local"
_SAMPLE = PROJECT / "services/ingestion_worker/events/batch.json"
# A cold start of an emulated processor, and a queue that is polled.
_SECONDS_TO_ANSWER = 180


def up() -> None:
    """Deploy the stack onto this machine, send the sample events, and read one back through the HTTP API.

    Raises `LocalCloudError` where a step cannot be done, with what to do.
    """
    emulator.refuse_real_credentials(os.environ)
    messages = stack.bodies(_SAMPLE)
    if engine.up():
        _engine_is_ours().touch()
    emulator.up(EMULATOR)
    os.environ.update(emulator.environment(EMULATOR))
    refuse_broken_stack()
    if stack.status("CDKToolkit") is None:
        _cdk("bootstrap", f"aws://{emulator.ACCOUNT}/{emulator.REGION}")
    _cdk("deploy", stack.STACK, "--require-approval", "never")
    try:
        outputs = stack.outputs()
        stack.send(outputs["QueueUrl"], messages)
        say(f"sent {len(messages)} events to the queue ({_SAMPLE.relative_to(PROJECT)})")
        event_id = json.loads(messages[0])["id"]
        event = _read_back(outputs["QueryApiUrl"], event_id)
    except (BotoCoreError, ClientError) as error:
        raise LocalCloudError(
            f"the emulator refused a request: {error}; its log is {emulator.log(EMULATOR)}"
        ) from error
    say(f"query_api answers GET /events/{event_id}:\n{json.dumps(event, indent=2)}")
    print(_WHAT_NEXT.format(env=home() / "aws" / EMULATOR / "env", url=outputs["QueryApiUrl"]))


_WHAT_NEXT = """
What to try next:
  edit services/query_api/src/query_api/main.py, then: make local
      builds and updates that one function; the other images and functions stay as they are
  . {env}
      lets this shell's AWS tools talk to the local cloud, and to no account
  make local-down
      ends all of it"""


def down(*, wipe: bool) -> None:
    """End what `up` started: the emulator with its functions, and the engine if it was brought along for it."""
    emulator.down(EMULATOR)
    if _engine_is_ours().exists():
        engine.down(wipe=False)
        _engine_is_ours().unlink(missing_ok=True)
    if wipe:
        engine.down(wipe=True)
    else:
        say(f"kept for the next start: {home()} (make local-down WIPE=1 deletes it)")


def _engine_is_ours() -> Path:
    """The file that says `make local` started the engine, so that `make local-down` is to end it."""
    return home() / "engine-started-by-make-local"


def refuse_broken_stack() -> None:
    """Refuse to deploy over a stack that CloudFormation will not update."""
    status = stack.status()
    if status is not None and status.endswith("_FAILED"):
        raise LocalCloudError(
            f"the stack is in {status} from an earlier run, and CloudFormation does not update it from there; "
            "`make local-down` and then `make local` start afresh"
        )


def _cdk(*arguments: str) -> None:
    """Run the CDK CLI, its output in a log; show the log's end where it fails."""
    log = home() / "aws" / EMULATOR / f"cdk-{arguments[0]}.log"
    print(f"          cdk {' '.join(arguments)} (log: {log})", flush=True)
    with log.open("w") as output:
        done = subprocess.run(
            ["cdk", *arguments],
            check=False,
            cwd=PROJECT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    if done.returncode:
        raise LocalCloudError(f"cdk {arguments[0]} failed:\n{stack.last_lines(log.read_text(errors='replace'), 15)}")
    say(f"cdk {arguments[0]} done")


def _read_back(url: str, event_id: str) -> object:
    until = time.monotonic() + _SECONDS_TO_ANSWER
    while True:
        status, event = stack.get(url, f"/events/{event_id}")
        if status == 200:
            return event
        # On a busy machine an emulated processor may need longer for a cold start than the function has; the next is quicker.
        again = status == 404 or (isinstance(event, dict) and event.get("errorType") == "Sandbox.Timedout")
        if not again or time.monotonic() > until:
            raise LocalCloudError(
                f"query_api answers {status} for {event_id}: {event}; the emulator's log is {emulator.log(EMULATOR)}"
            )
        time.sleep(1)
