"""A file for `docker buildx bake`, made of what `services prune --all --json` prints."""

import json
import sys

contexts = json.load(sys.stdin)
targets = {
    context["service"]: {
        "context": context["output"],
        "args": context["build_args"],
        "platforms": [context["platform"]],
        # The digest is the content's: an image that is there already under this tag needs no build.
        "tags": [f"{context['service']}:{context['digest'][:12]}"],
        # Lambda takes one manifest for one platform, without attestations beside it.
        "attest": ["type=provenance,disabled=true"],
    }
    for context in contexts
}
print(json.dumps({"group": {"default": {"targets": sorted(targets)}}, "target": targets}, indent=2))
