"""Named reads of conversations and messages."""

from typing import Self

from django.db.models import Prefetch

from voltop.querysets import M, ProviderQuerySet
from voltop.search import Words, words_query
from voltop.tables import StoredFile


class ConversationQuerySet(ProviderQuerySet[M]):
    def unresolved(self) -> Self:
        """Conversations that still wait for somebody."""
        return self.exclude(status="resolved")

    def late(self) -> Self:
        """Conversations whose answer is late, so that those who lead were called."""
        return self.filter(status="open", escalated_at__isnull=False)

    def of_user(self, user_id: int) -> Self:
        """A driver's own conversations."""
        return self.filter(driver__user_id=user_id)


class MessageQuerySet(ProviderQuerySet[M]):
    def with_attachments(self) -> Self:
        """With what is known of their files, not with the files: two queries for all of them."""
        known = StoredFile.objects.unscoped().defer("sealed")
        return self.prefetch_related(Prefetch("attachments__file", known))

    def after(self, seq: int) -> Self:
        """What came after a sequence number: exactly what a client has missed."""
        return self.filter(seq__gt=seq)

    def saying(self, text: str) -> Self:
        """Messages in which these words stand, in any case, without accents; by an index."""
        return self.annotate(words=Words("body")).filter(words=words_query(text))
