"""Webhook endpoints over the API: who may, what is refused, and that secrets are shown once."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from fleets.models import AuditEntry, WebhookEndpoint
from fleets.services import webhooks
from voltop import signatures
from voltop.clock import now

URL = "/api/v1/webhook-endpoints/"
DOCS = Path(__file__).resolve().parent.parent.parent / "docs" / "webhooks.md"
INPUT = {
    "name": "Payroll",
    "url": "https://hooks.example/in",
    "kinds": ["payment.*", "shift.ended"],
}

BAD_URLS = [
    "http://hooks.example/", "https://127.0.0.1/", "https://0x7f.1/", "https://2130706433/",
    "https://[::1]/", "https://[::ffff:7f00:1]/", "https://169.254.169.254/", "https://10.0.0.7/",
    "https://localhost/", "https://metadata.google.internal/", "https://u:p@hooks.example/",
    "https://hooks.example:22/", "gopher://hooks.example/", "javascript:alert(1)", "x",
]  # fmt: skip


@pytest.fixture(autouse=True)
def allowed(settings):
    settings.OUTBOUND_ALLOWED = ["hooks.example:443"]


@pytest.fixture
def owner(cast, api):
    return api(cast.owner)


def test_an_endpoint_is_made_with_a_secret_that_is_shown_once(cast, owner):
    made = owner.post(URL, INPUT, format="json")
    assert made.status_code == 201, made.json()
    assert made.json()["secret"].startswith("whsec_")
    assert made.json()["kinds"] == ["payment.*", "shift.ended"]
    for answer in (owner.get(URL), owner.get(f"{URL}{made.json()['id']}/")):
        assert "whsec_" not in answer.content.decode()
        assert "secret" not in answer.content.decode()
    entry = AuditEntry.objects.get(action="webhook_endpoint.created")
    assert "whsec_" not in str(entry.changes)


def test_a_rotation_shows_the_new_secret_and_how_long_the_old_one_lasts(cast, owner):
    made = owner.post(URL, INPUT, format="json").json()
    rotated = owner.post(f"{URL}{made['id']}/rotate-secret/", {"keep_h": 1}, format="json").json()
    assert rotated["secret"] != made["secret"]
    assert rotated["previous_until"] is not None
    endpoint = WebhookEndpoint.objects.get()
    assert webhooks.secrets_in_force(endpoint, now()) == [rotated["secret"], made["secret"]]
    ended = owner.post(f"{URL}{made['id']}/rotate-secret/", {"keep_h": 0}, format="json").json()
    assert ended["previous_until"] is None
    assert owner.post(f"{URL}{made['id']}/rotate-secret/", {"keep_h": 999}, format="json").json()[
        "code"
    ] in ("out_of_range", "invalid_input")


@pytest.mark.parametrize("url", BAD_URLS)
def test_an_address_that_may_not_be_called_is_refused_when_it_is_saved(cast, owner, url):
    refused = owner.post(URL, INPUT | {"url": url}, format="json")
    assert (refused.status_code, refused.json()["code"]) == (400, "url_not_allowed")
    made = owner.post(URL, INPUT, format="json").json()
    refused = owner.patch(f"{URL}{made['id']}/", {"url": url}, format="json")
    assert refused.json()["code"] == "url_not_allowed"


@pytest.mark.parametrize(
    "kinds", [["shift"], ["*.ended"], ["shift.*x"], ["SHIFT.ended"], ["a b.c"]]
)
def test_a_choice_of_events_that_is_none_is_refused(cast, owner, kinds):
    refused = owner.post(URL, INPUT | {"kinds": kinds}, format="json")
    assert (refused.status_code, refused.json()["code"]) == (400, "unknown_event_kind")
    assert refused.json()["extra"] == {"kinds": kinds}


def test_an_endpoint_is_changed_disabled_and_ended(cast, owner):
    made = owner.post(URL, INPUT, format="json").json()
    row = f"{URL}{made['id']}/"
    changed = owner.patch(row, {"kinds": ["*"]}, format="json").json()
    assert changed["kinds"] == ["*"]
    assert owner.post(f"{row}disable/", {}, format="json").json()["code"] == "reason_required"
    disabled = owner.post(f"{row}disable/", {"reason": "moving"}, format="json").json()
    assert (disabled["status"], disabled["disabled_reason"]) == ("disabled", "moving")
    assert owner.post(f"{row}test/").json()["code"] == "endpoint_not_active"
    assert owner.delete(row).status_code == 204
    assert owner.patch(row, {"name": "x"}, format="json").json()["code"] == "endpoint_retired"
    with pytest.raises(Exception, match="erased"):
        webhooks.secrets_in_force(WebhookEndpoint.objects.get(), now())


def test_a_company_has_a_bounded_number_of_endpoints(cast, owner, monkeypatch):
    monkeypatch.setattr(webhooks, "MAX_ENDPOINTS", 2)
    for _ in range(2):
        assert owner.post(URL, INPUT, format="json").status_code == 201
    refused = owner.post(URL, INPUT, format="json").json()
    assert refused["code"] == "limit_reached"
    assert refused["extra"] == {"limit": "webhook_endpoints", "allowed": 2}


def test_the_list_of_deliveries_takes_few_queries_however_long(
    cast, owner, django_assert_max_num_queries
):
    from voltop import events

    endpoint, _secret = webhooks.create_endpoint(cast.a, actor=cast.actor(), **INPUT)
    for _ in range(12):
        webhooks.send_test(endpoint, actor=cast.actor())
    events.send_pending()
    with django_assert_max_num_queries(5):
        rows = owner.get("/api/v1/webhook-deliveries/", {"status": "pending"}).json()["results"]
    assert len(rows) == 12
    assert rows[0]["id"] > rows[1]["id"]
    assert rows[0]["event"].startswith("evt_")
    assert rows[0]["next_try_at"] is not None
    of_type = {"type": "webhook_endpoint.tested", "endpoint": endpoint.pk, "page_size": 1}
    assert len(owner.get("/api/v1/webhook-deliveries/", of_type).json()["results"]) == 1


# --- the documentation's own words ---------------------------------------------------------------

SECRET = signatures.new_secret()
BODY = b'{"id":"evt_1","type":"shift.ended"}'


def snippet(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", DOCS.read_text(), re.DOTALL)
    assert found is not None
    assert found[1].count("\n") <= 14
    return found[1]


def verdicts(run) -> list[bool]:
    good = signatures.headers([signatures.new_secret(), SECRET], "evt_1", now(), BODY)
    stale = signatures.headers([SECRET], "evt_1", now().replace(year=2020), BODY)
    forged = signatures.headers([signatures.new_secret()], "evt_1", now(), BODY)
    return [run(good, BODY), run(good, BODY + b" "), run(stale, BODY), run(forged, BODY)]


def test_the_python_of_the_documentation_verifies():
    def run(headers, body) -> bool:
        asked = f"verify({SECRET!r}, {headers!r}, {body!r})"
        program = f"{snippet('python')}\nimport sys\nsys.exit(0 if {asked} else 3)"
        code = subprocess.run([sys.executable, "-c", program], check=False).returncode
        assert code in (0, 3)
        return code == 0

    assert verdicts(run) == [True, False, False, False]


@pytest.mark.skipif(shutil.which("node") is None, reason="no node on this machine")
def test_the_javascript_of_the_documentation_verifies():
    import json

    def run(headers, body) -> bool:
        asked = f"verify({json.dumps(SECRET)}, {json.dumps(headers)}, {json.dumps(body.decode())})"
        program = f"{snippet('js')}\nprocess.exit({asked} ? 0 : 3)"
        code = subprocess.run(
            [shutil.which("node"), "--input-type=commonjs", "-e", program], check=False
        ).returncode
        assert code in (0, 3)
        return code == 0

    assert verdicts(run) == [True, False, False, False]
