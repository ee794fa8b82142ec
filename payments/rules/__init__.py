"""Pay rules: pure functions on whole numbers. No database, no clock, no Decimal inside.

`amounts` rounds, `components` knows what a plan's components pay for the facts of a window,
`rent` what terms take for days, `limits` what may be withheld. Money is in the currency's
smallest unit, time in seconds, distance in metres. Half-even, once per line.
"""
