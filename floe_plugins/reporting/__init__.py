"""Reports for operators and tools. Nothing that runs plugins needs it."""
