"""Settings: `base` for every deployment, `test` for the suite. Values come from the environment."""
