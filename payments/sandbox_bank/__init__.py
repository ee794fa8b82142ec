"""A little bank of our own: a process with its own book, for the demo and for proofs.

It stands outside Voltop: standard library only, importing neither Django nor anything of Voltop,
so that its book can judge ours. Start it with `python -m payments.sandbox_bank --book FILE`.
"""
