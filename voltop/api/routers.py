"""Routes of an app's viewsets: with and without a final slash, nothing but what is registered."""

from typing import Any

from rest_framework.routers import SimpleRouter


class Router(SimpleRouter):
    """`router.register("depots", DepotViewSet)`; `urlpatterns = router.urls`."""

    def __init__(self) -> None:
        super().__init__()
        self.trailing_slash = "/?"  # DRF takes any string for yes

    def register(self, prefix: str, viewset: Any, basename: str | None = None) -> None:
        """The prefix names routes and operations: "depots" gives depots_list."""
        super().register(prefix, viewset, basename or prefix.replace("/", "-"))
