"""Log-ins, API clients and their tokens in the admin: to be seen and ended, never to be read.

oauth-toolkit registers admin pages for its own tables as well; we use none of these tables, so
the pages go.
"""

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest
from oauth2_provider.models import get_grant_model, get_id_token_model, get_refresh_token_model
from unfold.admin import ModelAdmin

from fleets.models.tokens import (
    ApiAccessToken,
    ApiClient,
    AttemptWindow,
    RefreshFamily,
    RefreshToken,
)

for _model in (
    ApiClient,
    ApiAccessToken,
    get_grant_model(),
    get_id_token_model(),
    get_refresh_token_model(),
):
    if admin.site.is_registered(_model):
        admin.site.unregister(_model)


class ReadOnlyAdmin(ModelAdmin):
    """Rows that only services write."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


@admin.register(RefreshFamily)
class RefreshFamilyAdmin(ReadOnlyAdmin):
    list_display = ("id", "user", "device_label", "last_used_at", "expires_at", "revoked_reason")
    list_filter = ("revoked_reason",)
    search_fields = ("user__email", "user__phone", "device_label")
    list_select_related = ("user",)


@admin.register(RefreshToken)
class RefreshTokenAdmin(ReadOnlyAdmin):
    list_display = ("id", "family", "generation", "created_at", "used_at", "expires_at")
    list_select_related = ("family",)
    exclude = ("token_hash",)


@admin.register(ApiClient)
class ApiClientAdmin(ReadOnlyAdmin):
    list_display = ("id", "name", "provider", "client_id", "last_token_at", "revoked_at")
    list_filter = ("provider",)
    search_fields = ("name", "client_id")
    list_select_related = ("provider",)
    exclude = ("client_secret",)


@admin.register(ApiAccessToken)
class ApiAccessTokenAdmin(ReadOnlyAdmin):
    list_display = ("id", "application", "scope", "created_at", "expires")
    list_select_related = ("application",)
    exclude = ("token_checksum",)


@admin.register(AttemptWindow)
class AttemptWindowAdmin(ReadOnlyAdmin):
    list_display = ("id", "purpose", "updated_at")
    list_filter = ("purpose",)
    exclude = ("key_hash",)
