"""How the commands draw what they have to say: tables and graphs, as text and as documents."""
