"""The views that the server shows: that of a platform, and that of a registry in this process."""
