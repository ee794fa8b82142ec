"""The API of drivers, by noun: records, papers."""
