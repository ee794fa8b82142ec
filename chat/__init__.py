"""Driver support: conversations and messages."""
