"""A plugin's settings against its pydantic model: validation, errors, JSON Schema."""
