"""The file formats: JSON, TOML and YAML, each with a parser and the position of every key."""
