"""Questions about the workspace: graph, who, size, affected and why."""
