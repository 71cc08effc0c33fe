"""Settings written for an older version of a schema, brought up to date."""
