"""What a driver earns and owes, why, and that it was paid once."""
