"""Import a candidate, check it and hand it to the plugin manager of its category."""
