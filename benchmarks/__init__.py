"""`make bench`: the product against small honest programs that do the same work, in one run.

Not an app and not part of what is served. `rows/` holds one file a hot path; each says what it
measures, against what, and which ratio it has to reach. What counts are ratios within one run:
absolute figures belong to the machine of the day.
"""
