"""JSON, TOML and YAML, parsed with the position of every key."""
