"""One module a hot path, with `run(cluster, *, rounds, seconds) -> report.Section`.

To add a row: one more file here (and, where it needs programs of its own, a folder beside
`ingest/`). `python -m benchmarks` finds it by its name.
"""
