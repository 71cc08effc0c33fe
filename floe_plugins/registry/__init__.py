"""The registry that applications use."""
