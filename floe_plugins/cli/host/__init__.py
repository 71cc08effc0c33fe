"""The host: the process that runs plugin code, and what it does there for each command."""
