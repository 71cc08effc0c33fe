"""The entries of a registry, one for each plugin from discovery to stop, and their deadlines."""
