"""Find out which values of a configuration are secret, and redact them in texts."""
