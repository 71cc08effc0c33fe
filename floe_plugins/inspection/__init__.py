"""Read what a plugin declares, from its source or its loaded class, and check that it is compatible."""
