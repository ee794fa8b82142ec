"""Log-ins, API clients and their tokens in the admin: to be seen and ended, never to be read.

oauth-toolkit registers admin pages for its own tables as well; we use none of these tables, so
the pages go.
"""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from oauth2_provider.models import get_grant_model, get_id_token_model, get_refresh_token_model

from fleets.admin.base import PLATFORM_PERMISSION, ReadOnlyAdmin, service_action, while_empty
from fleets.models import FleetProvider, OneTimeCode, RecoveryCode, SecondFactor, SocketTicket
from fleets.models.tokens import (
    ApiAccessToken,
    ApiClient,
    AttemptWindow,
    RefreshFamily,
    RefreshToken,
)
from fleets.services import api_clients, auth, sandboxes
from voltop.context import Actor

for _model in (
    ApiClient,
    ApiAccessToken,
    get_grant_model(),
    get_id_token_model(),
    get_refresh_token_model(),
):
    if admin.site.is_registered(_model):
        admin.site.unregister(_model)


class PlatformOnlyAdmin(ReadOnlyAdmin):
    """Rows of people, not of a provider: for platform staff."""

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        everywhere = request.user.has_perm(PLATFORM_PERMISSION)
        return everywhere and super().has_view_permission(request, obj)

    has_module_permission = has_view_permission


def _end_log_in(family: RefreshFamily, actor: Actor, reason: str) -> RefreshFamily:
    return auth.end_log_in(family, actor=actor, reason=reason)


def _revoke(client: ApiClient, actor: Actor, reason: str) -> ApiClient:
    return api_clients.revoke_client(client, actor=actor, reason=reason)


def _reset_sandbox(client: ApiClient, actor: Actor, reason: str) -> FleetProvider:
    return sandboxes.reset_sandbox(sandboxes.sandbox_of(client), actor=actor)


def _close_sandbox(client: ApiClient, actor: Actor, reason: str) -> FleetProvider:
    return sandboxes.close_sandbox(client, actor=actor, reason=reason)


def _has_sandbox(client: ApiClient, actor: Actor) -> bool:
    return client.sandboxes.standing().exists()


@admin.register(RefreshFamily)
class RefreshFamilyAdmin(PlatformOnlyAdmin):
    list_display = ("id", "user", "device_label", "last_used_at", "expires_at", "revoked_reason")
    list_filter = ("revoked_reason",)
    search_fields = ("user__email", "user__phone", "device_label")
    list_select_related = ("user",)
    exclude = ("device_hash",)
    actions = (
        service_action(
            _("End log-in"), PLATFORM_PERMISSION, _end_log_in, when=while_empty("revoked_at")
        ),
    )


@admin.register(RefreshToken)
class RefreshTokenAdmin(PlatformOnlyAdmin):
    list_display = ("id", "family", "generation", "created_at", "used_at", "expires_at")
    list_select_related = ("family",)
    exclude = ("token_hash",)


@admin.register(SocketTicket)
class SocketTicketAdmin(PlatformOnlyAdmin):
    list_display = ("id", "user", "provider", "created_at", "expires_at")
    list_select_related = ("user", "provider")
    exclude = ("token_hash", "session_key")


@admin.register(ApiClient)
class ApiClientAdmin(ReadOnlyAdmin):
    list_note = _("API clients are made over the API, which shows the secret once, to the maker.")
    list_display = ("id", "name", "provider", "client_id", "last_token_at", "revoked_at")
    list_filter = ("provider",)
    search_fields = ("name", "client_id")
    list_select_related = ("provider",)
    exclude = ("client_secret",)
    actions = (
        service_action(
            _("Revoke"), "fleets.delete_apiclient", _revoke, when=while_empty("revoked_at")
        ),
        service_action(
            _("Begin anew with its company for tests"),
            "fleets.change_apiclient",
            _reset_sandbox,
            when=_has_sandbox,
        ),
        service_action(
            _("Close its company for tests"),
            "fleets.delete_apiclient",
            _close_sandbox,
            when=_has_sandbox,
        ),
    )


@admin.register(ApiAccessToken)
class ApiAccessTokenAdmin(ReadOnlyAdmin):
    list_display = ("id", "application", "scope", "created_at", "expires")
    search_fields = ("application__name",)
    list_select_related = ("application",)
    exclude = ("token_checksum",)


@admin.register(OneTimeCode)
class OneTimeCodeAdmin(PlatformOnlyAdmin):
    """That a code was sent, tried and used; the code itself is nowhere to be seen."""

    list_display = ("id", "user", "purpose", "channel", "attempts", "sent_at", "used_at")
    list_filter = ("purpose", "channel")
    search_fields = ("user__email", "user__phone")
    list_select_related = ("user",)
    exclude = ("key", "lookup_hash", "key_id")


@admin.register(SecondFactor)
class SecondFactorAdmin(PlatformOnlyAdmin):
    """Who has one; taken away by the action of the person's own list."""

    list_display = ("id", "user", "confirmed_at", "updated_at")
    search_fields = ("user__email", "user__phone")
    list_select_related = ("user",)
    exclude = ("key", "secret", "last_step")


@admin.register(RecoveryCode)
class RecoveryCodeAdmin(PlatformOnlyAdmin):
    list_display = ("id", "user", "used_at")
    list_select_related = ("user",)
    exclude = ("code_hash",)


@admin.register(AttemptWindow)
class AttemptWindowAdmin(PlatformOnlyAdmin):
    list_display = ("id", "purpose", "updated_at")
    list_filter = ("purpose",)
    exclude = ("key_hash",)
