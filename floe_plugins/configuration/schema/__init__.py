"""Validate settings with plugins' pydantic models, and report the errors."""
