"""What other systems call our objects, to be looked up, given and forgotten."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.checks import InlineModelAdminChecks
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from fleets import services
from fleets.admin.base import (
    ProviderAdmin,
    ReadOnlyInline,
    ServiceForm,
    admin_actor,
    service_action,
)
from fleets.models import ExternalRef
from voltop.api.errors import ObjectNotFound
from voltop.context import Actor
from voltop.errors import PermissionDenied
from voltop.records import kind_of_type, record_kinds


class ExternalRefForm(ServiceForm):
    """Names the kind of object as the API does."""

    kind = forms.ChoiceField(
        choices=lambda: [(name, name) for name in sorted(record_kinds())], label=_("Kind")
    )

    class Meta:
        model = ExternalRef
        fields = ("system", "external_id", "object_id")


class RefFormSet(forms.BaseModelFormSet):
    """The refs of one object, which no foreign key leads to."""

    def __init__(
        self, *args: Any, instance: Any = None, queryset: Any = None, **kwargs: Any
    ) -> None:
        kwargs.pop("save_as_new", None)
        rows = queryset.none()
        if instance is not None and instance.pk is not None:
            rows = queryset.filter(
                provider_id=instance.provider_id,
                object_type=instance._meta.label_lower,
                object_id=instance.pk,
            )
        self.instance = instance
        super().__init__(*args, **{**kwargs, "queryset": rows})

    @classmethod
    def get_default_prefix(cls) -> str:
        return "refs"


class _NoRelation(InlineModelAdminChecks):
    def _check_relation(self, obj: Any, parent_model: Any) -> list[Any]:
        return []

    def _check_exclude_of_parent_model(self, obj: Any, parent_model: Any) -> list[Any]:
        return []


class RefInline(ReadOnlyInline):
    """What other systems call the object, on its own page."""

    model = ExternalRef
    formset = RefFormSet
    checks_class = _NoRelation
    fields = ("system", "external_id", "updated_at")
    readonly_fields = fields
    ordering = ("system",)

    def get_formset(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        return forms.modelformset_factory(
            ExternalRef, form=self.form, formset=self.formset, fields=(), extra=0, max_num=0
        )


def _forget(ref: ExternalRef, actor: Actor, reason: str) -> None:
    services.unlink_ref(ref, actor=actor)


@admin.register(ExternalRef)
class ExternalRefAdmin(ProviderAdmin):
    form = ExternalRefForm
    list_display = ("system", "external_id", "kind", "object_id", "updated_at")
    list_filter = ("system", "object_type")
    search_fields = ("external_id",)
    fields = ("system", "external_id", "kind", "object_id")
    actions = (service_action(_("Forget"), "fleets.delete_externalref", _forget),)

    @admin.display(description=_("kind"))
    def kind(self, ref: ExternalRef) -> str:
        found = kind_of_type(ref.object_type)
        return found.name if found else ref.object_type

    def service_create(self, request: HttpRequest, values: Mapping[str, Any]) -> ExternalRef:
        kind, actor = record_kinds()[values["kind"]], admin_actor(request)
        if not request.user.has_perm(kind.change_permission):
            raise PermissionDenied()
        obj = kind.rows(actor.provider_id or 0).filter(pk=values["object_id"]).first()
        if obj is None:
            raise ObjectNotFound(field="object_id")
        return services.link_object(
            obj, actor=actor, system=values["system"], external_id=values["external_id"]
        )
