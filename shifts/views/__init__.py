"""The API of shifts, by noun: shifts, a driver's own shift, proposals, platform income."""
