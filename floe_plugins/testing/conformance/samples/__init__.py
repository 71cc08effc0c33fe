"""What the rules pass to plugins, and how they look at it."""
