"""What the host does for each command: one module each, with a function ``run``."""
