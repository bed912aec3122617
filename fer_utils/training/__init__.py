"""From a config to a finished run in `runs/`."""
