"""English, without the order of day and month that differs between countries."""
