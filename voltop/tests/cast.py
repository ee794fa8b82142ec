"""The fixed cast of people that tests play with, made by the services, on first use.

Provider A with a person for each role, two drivers and two vehicles, provider B with an owner, a
driver and a vehicle, platform staff. Nobody is mocked.
"""

from datetime import datetime
from functools import cached_property

from drivers import services as driver_services
from drivers.models import Driver
from fleets import services as fleet_services
from fleets.models import Depot, FleetPolicy, FleetProvider, User
from vehicles import services as vehicle_services
from vehicles.models import Vehicle, VehicleModel
from voltop.context import Actor

PASSWORD = "correct horse battery"


class Cast:
    """Ana's company (A) and Bo's (B); people are made when first asked for."""

    platform = Actor.system("tests")

    def _provider(self, name: str, country: str, currency: str, zone: str) -> FleetProvider:
        provider = fleet_services.create_provider(
            actor=self.platform, name=name, country=country, currency=currency, time_zone=zone
        )
        # Papers are a story of their own: whoever tells it says what is demanded.
        FleetPolicy.objects.filter(provider=provider).update(driver_documents=[])
        return fleet_services.activate_provider(provider, actor=self.platform)

    @cached_property
    def a(self) -> FleetProvider:
        return self._provider("Alba Moves", "MX", "MXN", "America/Mexico_City")

    @cached_property
    def b(self) -> FleetProvider:
        return self._provider("Brisa Rides", "DE", "EUR", "Europe/Berlin")

    def person(self, provider: FleetProvider, role: str) -> User:
        email = f"{role}@{provider.pk}.example"
        known = User.objects.filter(email=email).first()
        if known is not None:
            return known
        user = fleet_services.create_user(
            actor=self.platform, full_name=f"{role.title()} {provider.name}", email=email
        )
        user.set_password(PASSWORD)
        user.save(update_fields=["password"])
        fleet_services.add_member(
            provider, user, actor=Actor.system("tests", provider.pk), role=role
        )
        user.refresh_from_db()
        return user

    @cached_property
    def owner(self) -> User:
        return self.person(self.a, "owner")

    @cached_property
    def manager(self) -> User:
        return self.person(self.a, "manager")

    @cached_property
    def dispatcher(self) -> User:
        return self.person(self.a, "dispatcher")

    @cached_property
    def accountant(self) -> User:
        return self.person(self.a, "accountant")

    @cached_property
    def support(self) -> User:
        return self.person(self.a, "support")

    @cached_property
    def viewer(self) -> User:
        return self.person(self.a, "viewer")

    @cached_property
    def outsider(self) -> User:
        """The owner of provider B."""
        return self.person(self.b, "owner")

    @cached_property
    def superuser(self) -> User:
        return User.objects.create_superuser("root@platform.example", PASSWORD)

    def actor(self, provider: FleetProvider | None = None) -> Actor:
        """Whoever sets a scene: the owner of the provider."""
        provider = provider or self.a
        return Actor("user", self.person(provider, "owner").pk, provider.pk)

    def depot(self, provider: FleetProvider | None = None, name: str = "Centro") -> Depot:
        provider = provider or self.a
        return fleet_services.create_depot(provider, actor=self.actor(provider), name=name)

    def new_driver(
        self, name: str, provider: FleetProvider | None = None, *, active: bool = True
    ) -> Driver:
        """A driver by given name who can log in; unless said otherwise joined and active."""
        provider = provider or self.a
        actor = self.actor(provider)
        driver = driver_services.invite_driver(
            provider,
            actor=actor,
            given_name=name,
            family_name="Driver",
            email=f"{name.lower()}@{provider.pk}.drivers.example",
        )
        driver.user.set_password(PASSWORD)
        driver.user.save(update_fields=["password"])
        if active:
            own = Actor("user", driver.user_id, provider.pk)
            driver = driver_services.join_driver(driver, actor=own)
            driver = driver_services.onboard_driver(driver, actor=actor)
            driver = driver_services.activate_driver(driver, actor=actor)
        return driver

    @cached_property
    def driver(self) -> Driver:
        return self.new_driver("Dora")

    @cached_property
    def other_driver(self) -> Driver:
        return self.new_driver("Dario")

    @cached_property
    def foreign_driver(self) -> Driver:
        return self.new_driver("Detlef", self.b)

    @cached_property
    def vehicle_model(self) -> VehicleModel:
        vehicle_services.save_models(
            [
                {
                    "make": "Nuvola",
                    "model": "City",
                    "year": 2025,
                    "usable_battery_kwh": 50,
                    "ac_max_kw": 11,
                    "dc_max_kw": 100,
                    "inlets": ["IEC_62196_T2_COMBO"],
                }
            ]
        )
        return VehicleModel.objects.get(make="Nuvola", model="City")

    def new_vehicle(
        self,
        label: str,
        provider: FleetProvider | None = None,
        *,
        tenure_starts_at: datetime | None = None,
    ) -> Vehicle:
        """A vehicle by label, in service, with a VIN of its own."""
        provider = provider or self.a
        return vehicle_services.register_vehicle(
            provider,
            actor=self.actor(provider),
            vin=f"WVWZZZE1ZP{Vehicle.objects.count():07}",
            model=self.vehicle_model,
            label=label,
            tenure_starts_at=tenure_starts_at,
        )

    @cached_property
    def vehicle(self) -> Vehicle:
        return self.new_vehicle("Car 1")

    @cached_property
    def other_vehicle(self) -> Vehicle:
        return self.new_vehicle("Car 2")

    @cached_property
    def foreign_vehicle(self) -> Vehicle:
        return self.new_vehicle("Wagen 1", self.b)
