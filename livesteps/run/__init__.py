"""Programs that run, step by step, against a server."""
