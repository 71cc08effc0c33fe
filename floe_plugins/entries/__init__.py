"""What the registry keeps of each plugin: its entry, from discovery to stop, and its deadlines."""
