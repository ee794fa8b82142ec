"""What the pages of a record in the admin have in common, whichever app they belong to.

Tables that higher floors put below a page come through the registry: the page's admin class takes
`PanelsMixin` and names the registry's point; a function registered there gets the row and the
active provider, and returns a Panel. Not here: child rows that have a model (inlines), and
anything that is written.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from django.contrib.admin.models import LogEntry
from django.contrib.admin.options import get_content_type_for_model
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse

from voltop import registry


@dataclass(frozen=True, slots=True)
class Panel:
    """A table to be read; `permission` is who may, others are not shown it."""

    title: Any
    headers: Sequence[Any]
    rows: Sequence[Sequence[Any]]
    permission: str
    note: Any = ""

    @property
    def table(self) -> dict[str, Any]:
        """As Unfold's table component takes it."""
        return {"headers": self.headers, "rows": self.rows}


class RoleFirstMixin:
    """For a ModelAdmin: a role that may not look gets the same answer whether a row exists or not.

    Django's history page looks the row up first, and so told missing rows from present ones.
    """

    def history_view(
        self: Any,
        request: HttpRequest,
        object_id: str,
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        return super().history_view(request, object_id, extra_context)  # type: ignore[misc]

    def change_view(
        self: Any,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """The way to the history where there is one: of what was changed on these pages."""
        kept = LogEntry.objects.filter(
            content_type=get_content_type_for_model(self.model), object_id=object_id
        )
        context = {"show_history": kept.exists(), **(extra_context or {})}
        return super().change_view(request, object_id, form_url, context)  # type: ignore[misc]


class PanelsMixin:
    """For an Unfold ModelAdmin: shows the panels of `panels_point` below the form."""

    panels_point: ClassVar[str]
    change_form_after_template = "voltop/panels.html"

    def change_view(
        self: Any,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        row = self.get_object(request, object_id)
        panels = [] if row is None else self._panels(request, row)
        context = {**(extra_context or {}), "panels": panels}
        return super().change_view(request, object_id, form_url, context)  # type: ignore[misc]

    def _panels(self: Any, request: HttpRequest, row: Any) -> list[Panel]:
        provider_id = getattr(request.user, "provider_id", None)
        functions = registry.collect(self.panels_point).values()
        panels: list[Panel] = [function(row, provider_id) for function in functions]
        return [panel for panel in panels if request.user.has_perm(panel.permission)]
