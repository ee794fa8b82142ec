"""Demonstrations: the living place of `make run`, and the main job on real input (`make demo`).

Both use only what the product offers: its commands and its HTTP API. Nothing here imports models,
connections or psycopg, but for the final checks of `make demo`, which only read.
"""
