"""What a plugin declares, read from its source or its loaded class, and whether it fits this platform."""
