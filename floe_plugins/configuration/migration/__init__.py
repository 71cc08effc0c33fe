"""Migrate settings that are written for an older version of a schema."""
