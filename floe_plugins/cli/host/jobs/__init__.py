"""The jobs of the host, one module for each command, with a function ``run``."""
