"""Find installed plugins by their metadata, and select which of them may be loaded. Imports no plugin."""
