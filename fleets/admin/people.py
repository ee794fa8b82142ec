"""People and memberships."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth.models import Group
from django.db.models import Case, F, QuerySet, When
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin

from fleets import services
from fleets.admin.base import (
    PLATFORM_PERMISSION,
    ProviderAdmin,
    admin_actor,
    service_action,
    while_empty,
)
from fleets.admin.shown import NOTHING
from fleets.models import Membership, User
from fleets.services import second_factor
from voltop.context import Actor
from voltop.lookups import OfferedLookupsMixin
from voltop.panels import RoleFirstMixin

admin.site.unregister(Group)


@admin.register(Group)
class GroupAdmin(RoleFirstMixin, OfferedLookupsMixin, ModelAdmin):
    """To be read: what a role may do is given by the apps' code and written after each migrate."""

    search_fields = ("name",)
    fields = ("name", "may")
    readonly_fields = fields

    @admin.display(description=_("may"))
    def may(self, group: Group) -> str:
        """The permissions by their full names, one a line."""
        found = group.permissions.values_list("content_type__app_label", "codename")
        return "\n".join(sorted(f"{app}.{codename}" for app, codename in found))

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def _reset(user: User, actor: Actor, reason: str) -> User:
    return second_factor.reset(user, actor=actor, reason=reason)


@admin.register(User)
class UserAdmin(ProviderAdmin):
    list_display = ("full_name", "email", "phone", "language", "is_active", "last_login")
    list_filter = ("is_active", "language")
    search_fields = ("full_name", "email", "phone")
    actions = (service_action(_("Reset second factor"), PLATFORM_PERMISSION, _reset),)
    fields = (
        "full_name",
        "email",
        "phone",
        "language",
        "time_zone",
        "is_active",
        "is_staff",
        "last_login",
        "created_at",
    )


class InviteForm(forms.ModelForm):
    """Invites by e-mail: a known and an unknown person look the same."""

    email = forms.EmailField()
    full_name = forms.CharField(max_length=120)

    class Meta:
        model = Membership
        fields = ("role",)


def _end(membership: Membership, actor: Actor, reason: str) -> Membership:
    return services.end_membership(membership, actor=actor, reason=reason)


def _invite_again(membership: Membership, actor: Actor, reason: str) -> Membership:
    return services.invite_member_again(membership, actor=actor)


@admin.register(Membership)
class MembershipAdmin(ProviderAdmin):
    list_display = ("person", "email", "role", "provider", "joined_at", "ended_at")
    list_filter = (
        "role",
        ("joined_at", admin.EmptyFieldListFilter),
        ("ended_at", admin.EmptyFieldListFilter),
    )
    search_fields = ("name_told", "user__email")
    list_note = _("Who has not joined yet is shown as your company typed it.")
    list_select_related = ("user", "provider")
    actions = (
        service_action(
            _("Invite again"),
            "fleets.add_membership",
            _invite_again,
            when=while_empty("ended_at"),
        ),
        service_action(
            _("End membership"),
            "fleets.change_membership",
            _end,
            when=while_empty("ended_at"),
        ),
    )

    def get_form(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        if obj is None:
            kwargs["form"] = InviteForm
        return super().get_form(request, obj, **kwargs)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None:
            return ("email", "full_name", "role")
        return ("person", "email", "role", "joined_at", "ended_at")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None:
            return ()
        told = ("person", "email", "joined_at", "ended_at")
        return told if obj.ended_at is None else (*told, "role")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Membership]:
        """With the name that is shown, which is what a search looks through."""
        typed = Case(
            When(joined_at__isnull=True, then=F("invited_name")), default=F("user__full_name")
        )
        return super().get_queryset(request).annotate(name_told=typed)

    @admin.display(description=_("person"))
    def person(self, membership: Membership) -> str:
        return membership.shown_name or self.email(membership)

    @admin.display(description=_("e-mail"))
    def email(self, membership: Membership) -> str:
        return membership.user.email or NOTHING

    def service_create(self, request: HttpRequest, values: Mapping[str, Any]) -> Membership:
        return services.invite_member(
            self.own_provider(request), actor=admin_actor(request), **values
        )

    def service_update(
        self, request: HttpRequest, obj: Any, values: Mapping[str, Any]
    ) -> Membership:
        return services.change_role(obj, actor=admin_actor(request), role=values["role"])
