"""What the server shows: the view of a platform, and that of a registry in this process."""
