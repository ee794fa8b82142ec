"""Tables of payments, by noun: ledger."""

from payments.models.ledger import Account, AccountKind, Entry, EntryKind, Posting

__all__ = ["Account", "AccountKind", "Entry", "EntryKind", "Posting"]
