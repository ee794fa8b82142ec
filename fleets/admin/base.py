"""The admin of everything that belongs to a provider: scoped reads, writes through services.

- Lists, autocompletes, related choices, filters and histories show the active provider's rows;
  platform staff without an active provider see all (`fleets.view_all_providers`).
- Saving calls `service_create` / `service_update`; a broken rule comes back as a form error with
  what was typed still there.
- Moves and other services are list actions (POST), made by `service_action`, with a reason field;
  a row's own page offers them as buttons that send the same form and come back to it.
"""

from collections.abc import Callable, Mapping
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.filters import RelatedOnlyFieldListFilter
from django.contrib.admin.options import IS_POPUP_VAR
from django.contrib.admin.utils import get_fields_from_path
from django.core.exceptions import ValidationError
from django.db import DatabaseError, models, transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin, TabularInline
from unfold.decorators import display
from unfold.forms import ActionForm

from fleets.admin.exports import EXPORTS
from fleets.admin.lines import OpeningHoursField
from fleets.admin.shown import NOTHING, ShownFields, leading_field, name_of, spaced
from fleets.models import FleetProvider, User
from voltop.api.database_errors import broken_rule
from voltop.context import Actor
from voltop.errors import DomainError
from voltop.lookups import OfferedLookupsMixin
from voltop.navigation import zone_in_words
from voltop.panels import RoleFirstMixin

PLATFORM_PERMISSION = "fleets.view_all_providers"
SAVING = ("show_save", "show_save_and_continue", "show_save_and_add_another")


def admin_actor(request: HttpRequest) -> Actor:
    """The person at the browser, as an actor."""
    user = request.user
    if not isinstance(user, User):
        raise RuntimeError("the admin was reached without a user")
    return user.actor()


def scoped(queryset: QuerySet[Any], request: HttpRequest) -> QuerySet[Any]:
    """The rows of a model that this admin user may see.

    Fails closed: of a model that neither belongs to providers nor is a shared catalogue, only
    superusers see anything.
    """
    user = request.user
    provider_id = getattr(user, "provider_id", None)
    for_provider = getattr(queryset, "for_provider", None)
    if for_provider is None:
        shared = getattr(queryset.model, "shared_catalogue", False)
        return queryset if shared or getattr(user, "is_superuser", False) else queryset.none()
    if provider_id is None and user.has_perm(PLATFORM_PERMISSION):
        return queryset.unscoped()  # type: ignore[attr-defined]
    return for_provider(provider_id)


class ReasonActionForm(ActionForm):
    """Adds the reason that moves ask for beside the action's choice."""

    reason = forms.CharField(required=False, max_length=500, label=_("Reason"))


class ServiceForm(forms.ModelForm):
    """Checks fields; the rules are the service's, which brings values into form and names errors.

    The model's constraints are not asked: what was typed may not be canonical yet, and a form
    that lacks some of a constraint's columns could not tell.
    """

    def _post_clean(self) -> None:
        self.instance.validate_constraints = lambda exclude=None: None
        super()._post_clean()  # type: ignore[misc]
        del self.instance.validate_constraints

    def validate_unique(self) -> None:
        """Nothing: a name that is taken is the service's error, shown at its field."""


class ProviderAdmin(RoleFirstMixin, OfferedLookupsMixin, ShownFields, ModelAdmin):
    """Base of every provider-owned model's admin. Deleting is refused: rows are retired."""

    form = ServiceForm
    action_form = ReasonActionForm
    change_form_outer_before_template = "fleets/moves.html"
    list_before_template = "voltop/list_note.html"
    list_note: Any = ""
    empty_value_display = NOTHING
    compressed_fields = True
    list_per_page = 50
    show_full_result_count = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """The user's rows, with the related rows that lists and titles name."""
        rows = scoped(super().get_queryset(request), request)
        related = self.get_list_select_related(request)
        return rows.select_related(*related) if isinstance(related, (list, tuple)) else rows

    def _tells_companies(self, request: HttpRequest) -> bool:
        """Whether rows of several companies stand in one list, so that it says whose they are."""
        names = {field.name for field in self.opts.fields}
        return "provider" in names and getattr(request.user, "provider_id", None) is None

    def get_list_display(self, request: HttpRequest) -> Any:
        columns = list(super().get_list_display(request))
        if self._tells_companies(request) and "provider" not in columns:
            columns.insert(1, "provider")
        return columns

    def get_list_select_related(self, request: HttpRequest) -> Any:
        related = super().get_list_select_related(request)
        if self._tells_companies(request) and not isinstance(related, bool):
            return [*related, "provider"]
        return ["provider"] if self._tells_companies(request) and not related else related

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """What this person may do to rows, whether or not they may edit them; and exports."""
        offered = {
            name: action
            for name, action in super().get_actions(request).items()
            if not hasattr(action[0], "permission") or request.user.has_perm(action[0].permission)
        }
        if IS_POPUP_VAR in request.GET or not self.has_view_permission(request):
            return offered
        exports = {name: (run, name, words) for name, (run, words) in EXPORTS.items()}
        return offered | exports

    def get_list_filter(self, request: HttpRequest) -> list[Any]:
        """Filters over relations offer only values that occur in the user's own rows."""
        entries = list(super().get_list_filter(request))
        if self._tells_companies(request) and "provider" not in entries:
            entries.insert(0, "provider")
        return [
            (entry, RelatedOnlyFieldListFilter) if self._is_relation(entry) else entry
            for entry in entries
        ]

    def _is_relation(self, entry: Any) -> bool:
        """Whether a filter names a relation, its own or one of a related row ("device__source")."""
        if not isinstance(entry, str):
            return False
        return bool(get_fields_from_path(self.model, entry)[-1].is_relation)

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """A date and time is asked for on the page's clock, which it names; hours in lines."""
        if db_field.name == "opening_hours":
            return OpeningHoursField(label=capfirst(db_field.verbose_name))
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field is not None and isinstance(db_field, models.DateTimeField):
            field.help_text = field.help_text or zone_in_words()
        return field

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        queryset = kwargs.get("queryset") or db_field.remote_field.model._default_manager.all()
        kwargs["queryset"] = scoped(queryset, request)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    # --- writing through services ---------------------------------------------------------------

    def service_create(self, request: HttpRequest, values: Mapping[str, Any]) -> models.Model:
        """Create through the app's service; without an override nothing can be added."""
        raise NotImplementedError(f"{type(self).__name__} adds nothing")

    def service_update(
        self, request: HttpRequest, obj: models.Model, values: Mapping[str, Any]
    ) -> models.Model:
        """Change through the app's service; `values` holds only what the form changed."""
        raise NotImplementedError(f"{type(self).__name__} changes nothing")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        if type(self).service_create is ProviderAdmin.service_create:
            return False
        provider_id = getattr(request.user, "provider_id", None)
        return provider_id is not None and super().has_add_permission(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        writable = type(self).service_update is not ProviderAdmin.service_update
        return (writable or bool(self.actions)) and super().has_change_permission(request, obj)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Without a service_update the page of a row is for reading only."""
        if obj is not None and type(self).service_update is ProviderAdmin.service_update:
            hidden = {"id", "row_version", *(self.get_exclude(request, obj) or ())}
            own = [f.name for f in self.opts.fields if f.name not in hidden]
            return self.with_shown(dict.fromkeys([*self.readonly_fields, *own]))
        return super().get_readonly_fields(request, obj)

    def get_inlines(self, request: HttpRequest, obj: Any = None) -> Any:
        """A row that is not there yet has nothing to be read below it."""
        inlines = super().get_inlines(request, obj)
        if obj is not None:
            return inlines
        return [inline for inline in inlines if not issubclass(inline, ReadOnlyInline)]

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: Any = None,
    ) -> HttpResponse:
        """A page that is only read has no buttons to save it; what may be done with a row has."""
        if obj is not None:
            context["moves"] = self._moves(request, obj)
        if change and type(self).service_update is ProviderAdmin.service_update:
            context |= dict.fromkeys(SAVING, False)
        return super().render_change_form(request, context, add, change, form_url, obj)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if change:
            values = {name: form.cleaned_data[name] for name in form.changed_data}
            if not values:
                return
            untouched = type(obj)._default_manager.get(pk=obj.pk)
            saved = self.service_update(request, untouched, values)
        else:
            saved = self.service_create(request, form.cleaned_data)
        obj.__dict__.update({k: v for k, v in saved.__dict__.items() if k != "_state"})
        obj._state.adding = False

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Show a broken rule as an error of the form instead of losing what was typed."""
        try:
            return super().changeform_view(request, *args, **kwargs)
        except (DomainError, DatabaseError) as error:
            request.domain_error = broken_rule(error)  # type: ignore[attr-defined]
            return super().changeform_view(request, *args, **kwargs)

    def get_form(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        form_class = super().get_form(request, obj, **kwargs)
        error: DomainError | None = getattr(request, "domain_error", None)
        if error is None:
            return form_class

        def clean(form: forms.ModelForm) -> None:
            form_class.clean(form)
            field = error.field if error.field in form.fields else None
            form.add_error(field, ValidationError(str(error.detail), code=error.code))

        return type(form_class.__name__, (form_class,), {"clean": clean})

    def _moves(self, request: HttpRequest, row: Any) -> list[tuple[str, Any]]:
        """Name and description of each service action that this user may call on the row now."""
        actor = admin_actor(request)
        return [
            (name, description)
            for action, name, description in self.get_actions(request).values()
            if hasattr(action, "permission") and (action.when is None or action.when(row, actor))
        ]

    def response_action(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        """After a button of a row's own page, back to that page."""
        response = super().response_action(request, queryset)
        if isinstance(response, HttpResponseRedirect) and "from_row" in request.POST:
            [row] = request.POST.getlist("_selected_action")[:1] or [""]
            name = f"{self.admin_site.name}:{self.opts.app_label}_{self.opts.model_name}_change"
            return HttpResponseRedirect(reverse(name, args=[row]))
        return response

    def own_provider(self, request: HttpRequest) -> FleetProvider:
        """The active provider, for services that create."""
        return FleetProvider.objects.get(pk=admin_actor(request).provider_id or 0)


def status_badge(field: str = "status", **variants: str) -> Any:
    """A list column showing a choice as a coloured label.

    `variants` maps a state to one of Unfold's: info, success, warning, danger.
    """

    @display(description=field.replace("_", " "), ordering=field, label=variants)
    def badge(model_admin: Any, obj: Any) -> tuple[str, str]:
        return getattr(obj, field), getattr(obj, f"get_{field}_display")()

    return badge


class ReadOnlyAdmin(ProviderAdmin):
    """Money and events: to be read, never touched."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class ReadOnlyInline(ShownFields, TabularInline):
    """Child rows on a parent's page: to be read.

    With `show_change_link` their first field leads to the row's own page.
    """

    extra = 0
    empty_value_display = NOTHING
    can_delete = False
    show_change_link = False
    hide_title = True

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Everything shown is only read, also what no form could hold."""
        own = self.fields or [field.name for field in self.opts.fields if field.editable]
        names = self.with_shown(dict.fromkeys([*self.readonly_fields, *own]))
        return [*names, leading_field(self.model, own[0])] if self.show_change_link else names

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Unfold's own link stands in a line that these tables do without."""
        groups = super().get_fieldsets(request, obj)
        if not self.show_change_link:
            return groups
        [(title, options)] = groups
        first = leading_field(self.model, self.fields[0])
        return [(title, {**options, "fields": [first, *options["fields"][1:]]})]

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class EventInline(ReadOnlyInline):
    """The timeline of a state machine."""

    fields = ("at", "move", "who", "reason")
    readonly_fields = fields
    ordering = ("-id",)
    verbose_name_plural = _("what happened")

    @display(description=_("move"))
    def move(self, event: Any) -> str:
        """From which state to which."""
        before, after = spaced(event.from_state), spaced(event.to_state)
        return f"{before} → {after}" if before else after

    @display(description=_("by"))
    def who(self, event: Any) -> str:
        return name_of(event.actor) or "–"


Action = Callable[[Any, HttpRequest, QuerySet[Any]], None]
When = Callable[[Any, Actor], bool]


def while_empty(column: str) -> When:
    """For rows that end by a time in a column: until it is set."""
    return lambda row, actor: getattr(row, column) is None


def service_action(
    description: Any,
    permission: str,
    call: Callable[[Any, Actor, str], Any],
    *,
    when: When | None = None,
) -> Action:
    """A list action that calls a service for each chosen row: `call(row, actor, reason)`.

    Each row is its own transaction; refusals are shown with the row's name and change nothing.
    `permission` is a full name ("drivers.change_driver"), checked again on the server. A row's own
    page offers the action where `when(row, actor)` holds; the rule itself is the service's.
    """

    def action(model_admin: Any, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        if not request.user.has_perm(permission):
            messages.error(request, _("Your role does not allow this."))
            return
        actor, reason, done = admin_actor(request), request.POST.get("reason", ""), 0
        for row in queryset:
            try:
                with transaction.atomic():
                    call(row, actor, reason)
            except (DomainError, DatabaseError) as error:
                messages.error(request, f"{row}: {broken_rule(error).detail}")
            else:
                done += 1
        if done:
            messages.success(request, _("Done for %(count)d.") % {"count": done})

    name = str(permission.rpartition(".")[2]) + "_" + call.__name__
    action.__name__ = name
    action.permission = permission  # type: ignore[attr-defined]
    action.when = when  # type: ignore[attr-defined]
    return admin.action(description=description)(action)
