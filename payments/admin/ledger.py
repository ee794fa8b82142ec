"""The ledger: accounts with their balances, entries with their postings."""

from decimal import Decimal
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from fleets.admin.base import ReadOnlyAdmin, ReadOnlyInline
from payments import selectors
from payments.models import Account, Entry, Posting


@admin.register(Account)
class AccountAdmin(ReadOnlyAdmin):
    list_display = ("kind", "driver", "balance", "currency")
    list_filter = ("kind",)
    list_select_related = ("driver",)
    search_fields = ("driver__given_name", "driver__family_name")
    fields = ("kind", "driver", "currency", "balance")
    readonly_fields = ("balance",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return selectors.with_balances(super().get_queryset(request))

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return ("kind", "driver", "currency", "balance")

    @admin.display(description=_("balance"), ordering="balance_amount")
    def balance(self, account: Any) -> Decimal:
        return Decimal(account.balance_amount)


class PostingInline(ReadOnlyInline):
    model = Posting
    fields = ("leg", "account", "amount", "currency", "category")
    readonly_fields = fields


@admin.register(Entry)
class EntryAdmin(ReadOnlyAdmin):
    list_display = ("id", "kind", "booked_on", "source_key", "legs", "actor")
    list_filter = ("kind",)
    search_fields = ("source_key",)
    date_hierarchy = "booked_on"
    ordering = ("-id",)
    fields = ("kind", "booked_on", "at", "source_key", "currency", "actor")
    inlines = (PostingInline,)


@admin.register(Posting)
class PostingAdmin(ReadOnlyAdmin):
    list_display = ("entry", "leg", "account", "amount", "currency", "category")
    list_filter = ("category",)
    list_select_related = ("entry", "account__driver")
