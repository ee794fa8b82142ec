"""The database engine of the house: Django's for PostgreSQL, with a cheaper look at connections."""
