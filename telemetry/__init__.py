"""Vehicle data from many sources to one clean history."""
