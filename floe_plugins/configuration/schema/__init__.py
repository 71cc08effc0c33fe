"""Validate settings with plugins' pydantic models, report the errors, and generate a JSON Schema."""
