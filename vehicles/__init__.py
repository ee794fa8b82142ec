"""The cars, who holds them, and their state."""
