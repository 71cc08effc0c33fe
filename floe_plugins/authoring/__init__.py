"""Help authors: make a new plugin's project from the contract of its category, and check one."""
