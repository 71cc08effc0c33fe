"""The command line: prints what the registry reports."""
