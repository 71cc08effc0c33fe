"""Draw tables and graphs, as text and as documents."""
