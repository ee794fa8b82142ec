"""What the usual generators make of docs/openapi.yaml works, from the log-in to a webhook.

Without `--skip-validate-spec`, and without one warning.
"""

import re
import shutil
import subprocess
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest

from drivers.models import Driver
from fleets.models import ExternalRef
from fleets.tests.hooks import Receiver
from voltop import signatures
from voltop.settings import base
from voltop.tests import generated
from voltop.tests.cast import PASSWORD, Cast
from voltop.tests.embedded_instance import free_port
from voltop.tests.real_processes import running, wait_until, web, worker
from voltop.tests.test_postgres_restarts import answers

TYPESCRIPT = "openapi-typescript@7.13.0"
COMPILER = "typescript@5.9.3"
SCOPES = ["drivers:read", "drivers:write", "vehicles:read", "vehicles:write"]

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The generated Python client, and what the generator said."""
    yield generated.python_client(tmp_path_factory.mktemp("client"))
    generated.forget()


@pytest.fixture
def receiver():
    with closing(Receiver()) as listener:
        yield listener


@pytest.fixture
def server(transactional_db, receiver, tmp_path, settings):
    """(cast, address) with the web process, a worker and a beat running."""
    cast, port = Cast(), free_port()
    assert cast.vehicle_model
    settings.PASSWORD_HASHERS = base.PASSWORD_HASHERS  # not the tests' fast one
    cast.owner.set_password(PASSWORD)
    cast.owner.save()
    env = {"VOLTOP_DEMO": "1", "VOLTOP_OUTBOUND_ALLOWED": f"127.0.0.1:{receiver.port}"}
    serving = web(tmp_path / "web.log", port, **env)
    with running(serving, worker(tmp_path / "worker.log", **env)):
        wait_until(lambda: answers(port), within_s=120, meanwhile=serving.still_lives)
        yield cast, f"http://127.0.0.1:{port}"


def test_the_generator_has_nothing_to_complain_of(made):
    _package, said = made
    assert not generated.complaints(said)


def test_the_python_client_goes_from_the_log_in_to_a_webhook(made, server, receiver):
    client, _said = made
    cast, url = server
    story = Story(client, url, cast)
    story.log_in()
    story.let_a_program_in()
    story.create_and_list()
    story.be_refused()
    story.hear_of_it(receiver)


class Story:
    """What an integrator's program does, by the generated client alone."""

    def __init__(self, package, url, cast):
        self.package, self.url, self.cast = package, url, cast
        self.person = self.as_caller(None)

    def as_caller(self, token):
        return self.package.ApiClient(self.package.Configuration(host=self.url, access_token=token))

    def log_in(self):
        """A pair of tokens, exchanged for another one; the first refresh token is used up."""
        p = self.package
        fleets = p.FleetsApi(self.person)
        body = p.LoginInputRequest(login=self.cast.owner.email, password=PASSWORD)
        pair = fleets.auth_token(body)
        assert isinstance(pair.refresh_expires_at, datetime)
        body = p.RefreshInputRequest(refresh_token=pair.refresh_token)
        pair = fleets.auth_refresh(body)
        self.person = self.as_caller(pair.access_token)
        me = p.FleetsApi(self.person).auth_me()
        assert (me.email, me.phone) == (self.cast.owner.email, None)
        assert [company.id for company in me.providers] == [self.cast.a.pk]

    def let_a_program_in(self):
        """OAuth2 client credentials; a wrong secret is an error of RFC 6749's shape."""
        p = self.package
        body = p.ApiClientInputRequest(name="erp", scopes=SCOPES)
        made = p.FleetsApi(self.person).api_clients_create(body)
        assert made.scopes == sorted(SCOPES)
        assert made.last_token_at is None
        fleets = p.FleetsApi(self.as_caller(None))
        names = {"grant_type": "client_credentials", "client_id": made.client_id}
        with pytest.raises(p.exceptions.UnauthorizedException) as refused:
            fleets.oauth_token(**names, client_secret="not it")
        assert refused.value.data.error == "invalid_client"
        token = fleets.oauth_token(**names, client_secret=made.client_secret)
        self.program = self.as_caller(token.access_token)

    def create_and_list(self):
        """A driver once, however often it is sent; a car by one's own key; lists page by page."""
        p = self.package
        drivers, vehicles = p.DriversApi(self.program), p.VehiclesApi(self.program)
        body = p.DriverInviteRequest(given_name="Nora", family_name="Diaz", email="n@x.example")
        answers = [
            drivers.drivers_create_with_http_info(body, idempotency_key="d-17") for _time in "12"
        ]
        assert answers[0].data == answers[1].data
        assert [a.headers.get("idempotent-replayed") for a in answers] == [None, "true"]
        nora = answers[0].data
        assert Driver.objects.get(pk=nora.id).given_name == nora.given_name == "Nora"
        assert nora.to_dict()["family_name"] == "Diaz"
        assert drivers.drivers_retrieve(nora.id).national_id is None
        [model] = vehicles.vehicle_models_list(search="Nuvola").results
        body = p.VehicleRegisterRequest(vin="WVWZZZE1ZPX000001", model=model.id, label="Car 1")
        car = vehicles.vehicles_put_by_ref("C-1", "erp", body)
        assert [(ref.system, ref.id) for ref in car.refs] == [("erp", "C-1")]
        assert ExternalRef.objects.get(external_id="C-1").object_id == car.id
        assert vehicles.vehicles_list(ref="erp:C-1", status="in_service").results == [car]
        for name in "ABCD":
            email = f"{name}@x.example"
            body = p.DriverInviteRequest(given_name=name, family_name="Diaz", email=email)
            drivers.drivers_create(body)
        self.list_all(drivers, nora)

    def list_all(self, drivers, nora):
        """Every row once by cursor, and only what has changed since."""
        seen, cursor = [], None
        while True:
            page = drivers.drivers_list(search="Diaz", page_size=2, cursor=cursor)
            seen += [row.id for row in page.results]
            cursor = page.next
            if cursor is None:
                break
        there = Driver.objects.filter(family_name="Diaz").values_list("pk", flat=True)
        assert sorted(seen) == sorted(there)
        page = drivers.drivers_list(updated_since=nora.created_at)
        assert nora.id in {row.id for row in page.results}
        later = drivers.drivers_list(updated_since=datetime.now(UTC) + timedelta(minutes=1))
        assert (later.results, later.next) == ([], None)
        assert isinstance(page.next_since, datetime)

    def be_refused(self):
        """Problem documents come out as `Problem`, whatever the status."""
        p = self.package
        drivers = p.DriversApi(self.program)
        with pytest.raises(p.exceptions.BadRequestException) as bad:
            drivers.drivers_list(cursor="made up by somebody")
        problem = bad.value.data
        assert isinstance(problem, p.Problem)
        assert (problem.status, problem.code) == (400, "bad_cursor")
        [wrong] = problem.to_dict()["errors"]  # (the generator has a use of its own for "field")
        assert (wrong["field"], wrong["code"]) == ("cursor", "bad_cursor")
        with pytest.raises(p.exceptions.NotFoundException) as absent:
            drivers.drivers_retrieve(2**40)
        assert absent.value.data.code == "not_found"
        with pytest.raises(p.exceptions.ForbiddenException) as lacking:
            p.FleetsApi(self.program).depots_list()
        assert lacking.value.data.extra["permission"] == "fleets.view_depot"
        with pytest.raises(p.exceptions.UnauthorizedException) as stranger:
            p.DriversApi(self.as_caller("vta_made_up")).drivers_list()
        assert stranger.value.data.code == "invalid_token"
        body = p.DriverInviteRequest(given_name="Nora", family_name="Diaz", email="n@x.example")
        with pytest.raises(p.exceptions.ConflictException) as taken:
            drivers.drivers_create(body, idempotency_key="d-18")
        assert taken.value.data.code == "driver_exists"

    def hear_of_it(self, receiver):
        """A webhook endpoint of one's own: what happens arrives there, signed."""
        p = self.package
        fleets = p.FleetsApi(self.person)
        body = p.EndpointInputRequest(name="erp", url=receiver.url, kinds=["driver.*"])
        endpoint = fleets.webhook_endpoints_create(body)
        body = p.DriverInviteRequest(given_name="Last", family_name="Diaz", email="l@x.example")
        last = p.DriversApi(self.program).drivers_create(body)
        wait_until(receiver.calls, within_s=60, meanwhile=lambda: None)
        headers, raw = receiver.calls()[0]
        assert signatures.is_genuine(endpoint.secret, headers, raw, now=datetime.now(UTC))
        event = p.Event.from_json(raw.decode())
        assert (event.type, event.data.id) == ("driver.invited", last.id)
        [told] = fleets.events_list(object="driver", object_id=last.id).results
        assert told == event
        [delivery] = self.delivered(fleets)
        assert (delivery.endpoint, delivery.type) == (endpoint.id, "driver.invited")

    def delivered(self, fleets):
        found = []

        def look():
            found[:] = fleets.webhook_deliveries_list(status="delivered").results
            return found

        wait_until(look, within_s=60, meanwhile=lambda: None)
        return found


# --- TypeScript ----------------------------------------------------------------------------------
@pytest.mark.skipif(shutil.which("npx") is None, reason="needs node's npx, which is not there")
def test_typescript_types_come_of_it_and_compile(tmp_path):
    """openapi-typescript has nothing to say, and tsc accepts a program that uses the types."""
    types = tmp_path / "voltop.d.ts"
    said = npx(TYPESCRIPT, "openapi-typescript", str(generated.DOCUMENT), "-o", str(types))
    assert "warn" not in said.lower(), said
    (tmp_path / "program.ts").write_text(PROGRAM)
    options = ("--noEmit", "--strict", "--skipLibCheck", "false", "--target", "es2022")
    npx(COMPILER, "tsc", *options, str(tmp_path / "program.ts"))


def npx(package, program, *args):
    done = subprocess.run(
        ["npx", "--yes", "--package", package, "--", program, *args],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        cwd=generated.CHECKOUT,
    )
    said = done.stdout + done.stderr
    if re.search(r"ENOTFOUND|ECONNREFUSED|EAI_AGAIN|ETIMEDOUT|ENOTCACHED", said):
        pytest.skip("the packages of node cannot be had from here")
    assert done.returncode == 0, said[-3000:]
    return said


PROGRAM = """
import type { components, paths } from "./voltop";

type Driver = components["schemas"]["Driver"];
type Page = paths["/api/v1/drivers/"]["get"]["responses"]["200"]["content"]["application/json"];
type Problem = components["schemas"]["Problem"];

export function names(page: Page): string[] {
  return page.results.map((driver: Driver) => driver.family_name);
}
export function next(page: Page): string | null {
  return page.next;
}
export function payable(payment: components["schemas"]["Payment"]): string {
  const before: string | undefined = payment.previous_payable?.amount;
  return before ?? payment.payable.amount;
}
export function wrong(problem: Problem): string[] {
  return problem.errors.map((error) => error.field);
}
// @ts-expect-error: a driver has no such field
export const missing = (driver: Driver) => driver.first_name;
"""
