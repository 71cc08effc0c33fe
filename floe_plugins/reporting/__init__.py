"""What operators and tools are shown of a platform. Nothing that runs plugins needs it."""
