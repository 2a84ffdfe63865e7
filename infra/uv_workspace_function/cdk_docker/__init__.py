"""What the CDK CLI calls in docker's place (`CDK_DOCKER`): images of ours without an engine, everything else passed on unchanged."""
