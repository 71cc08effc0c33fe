"""The registry that applications use, and what it keeps of each plugin."""
