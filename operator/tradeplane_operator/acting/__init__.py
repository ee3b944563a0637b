"""What the operator changes: requests to the API server, each fenced by leadership and counted."""
