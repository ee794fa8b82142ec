"""The programs of the fan-out row: a room whose messages reach everybody who listens."""
