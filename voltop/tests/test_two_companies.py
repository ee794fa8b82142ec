"""One person who drives for two companies: what the one holds is nowhere at the other.

Papers, tax ids, payout accounts, conversations, notices, suspension and erasure, as the person
themselves, as staff, and in what becomes of one log-in.
"""

import pytest

from chat.services import open_conversation
from chat.services.messages import Author
from drivers import services
from drivers.models import Driver, PayoutAccount
from drivers.services.payout_accounts import holder_tax_id_of
from drivers.tests.papers import NOON, demand, hand_in
from fleets import services as fleet_services
from fleets.models import User
from voltop import clock
from voltop.context import Actor
from voltop.tests.cast import PASSWORD, Cast
from voltop.tests.judging import OPERATIONS

pytestmark = pytest.mark.django_db
OWN_LISTS = sorted(
    operation.path
    for operation in OPERATIONS.values()
    if operation.method == "GET"
    and operation.path.startswith("/api/v1/me/")
    and "{" not in operation.path
)
SECRETS = {
    "number": "CURP424242", "account": "DE89370400440532013000", "tax": "36574261809",
    "holder": "Beata Both-B", "paper": "BPAPER4711", "said": "said-at-b-only",
    "refused": "blurred-b",
}  # fmt: skip
SHOWN_AT_B = {"•••• 711", "DE •••• 3000", "•••• 809"}


class Both(Cast):
    """Beata drives for A and for B, with one log-in; at B stands all that is secret."""

    def __init__(self) -> None:
        values = {"given_name": "Beata", "family_name": "Both", "email": "beata@both.example"}
        self.at_a, self.at_b = (
            services.invite_driver(provider, actor=self.actor(provider), **values)
            for provider in (self.a, self.b)
        )
        self.beata = self.at_a.user
        self.beata.set_password(PASSWORD)
        self.beata.save(update_fields=["password"])
        for driver in (self.at_a, self.at_b):
            actor = self.actor(driver.provider)
            services.join_driver(driver, actor=Actor("user", self.beata.pk, driver.provider_id))
            services.activate_driver(services.onboard_driver(driver, actor=actor), actor=actor)
            driver.refresh_from_db()
        self._fill()

    def _fill(self) -> None:
        actor, at_b = self.actor(self.b), self.at_b
        services.update_driver(at_b, actor=actor, national_id=SECRETS["number"])
        services.set_payout_account(
            at_b, actor=actor, kind="iban", details={"iban": SECRETS["account"]},
            holder_name=SECRETS["holder"], holder_tax_id=SECRETS["tax"],
        )  # fmt: skip
        services.set_payout_account(
            self.at_a, actor=self.actor(), kind="clabe",
            details={"clabe": "002010077777777771"}, holder_name="Beata Both",
        )  # fmt: skip
        paper = hand_in(self, at_b, number=SECRETS["paper"], at=clock.now())
        self.paper = services.reject_document(paper, actor=actor, reason=SECRETS["refused"])
        self.talk = open_conversation(
            at_b, actor=actor, author=Author.staff(actor.id), topic="other", body=SECRETS["said"]
        )


@pytest.fixture
def both(db) -> Both:
    return Both()


def leaked(content: bytes) -> set[str]:
    text = content.decode()
    return {word for word in (*SECRETS.values(), *SHOWN_AT_B) if word in text}


def test_it_is_one_person_with_a_record_at_each(both):
    assert both.at_a.pk != both.at_b.pk
    assert both.at_a.user_id == both.at_b.user_id
    assert User.objects.filter(email="beata@both.example").count() == 1


def test_the_person_sees_at_each_company_what_is_of_it(both, api):
    assert len(OWN_LISTS) > 8
    seen: dict[str, set[str]] = {}
    for name, provider in (("a", both.a), ("b", both.b)):
        phone = api(both.beata, **{"X-Voltop-Provider": str(provider.pk)})
        answers = {path: phone.get(path) for path in OWN_LISTS}
        assert {path for path, found in answers.items() if found.status_code >= 500} == set()
        assert answers["/api/v1/me/papers/"].status_code == 200
        assert answers["/api/v1/me/conversations/"].status_code == 200
        seen[name] = {word for found in answers.values() for word in leaked(found.content)}
    assert seen["a"] == set()
    assert {"•••• 711", "blurred-b", "said-at-b-only"} <= seen["b"], (
        "a search that finds nothing proves nothing"
    )


def test_without_saying_which_company_nothing_is_shown(both, api):
    answer = api(both.beata).get("/api/v1/me/papers/")
    assert (answer.status_code, answer.json()["code"]) == (403, "provider_required")


def test_what_is_of_one_company_is_not_there_at_the_other(both, api):
    phone = api(both.beata, **{"X-Voltop-Provider": str(both.a.pk)})
    office = api(both.owner)
    for client, paths in (
        (phone, (f"me/papers/{both.paper.pk}", f"me/papers/{both.paper.pk}/file",
                 f"me/conversations/{both.talk.pk}",
                 f"me/conversations/{both.talk.pk}/messages")),
        (office, (f"documents/{both.paper.pk}", f"drivers/{both.at_b.pk}",
                  f"payout-accounts/{PayoutAccount.objects.unscoped().get(driver=both.at_b).pk}",
                  f"conversations/{both.talk.pk}")),
    ):  # fmt: skip
        for path in paths:
            answer = client.get(f"/api/v1/{path}")
            assert answer.status_code == 404, path
            assert leaked(answer.content) == set()


@pytest.mark.parametrize("role", ["owner", "accountant", "dispatcher", "support"])
def test_staff_of_one_company_find_nothing_of_the_other(both, api, client, role):
    office = api(getattr(both, role))
    lists = ("drivers", "documents", "payout-accounts", "conversations", "audit", "events", "inbox")
    for name in lists:
        for query in ("", "?search=Beata"):
            assert leaked(office.get(f"/api/v1/{name}{query}").content) == set(), name
    client.force_login(getattr(both, role))
    page = client.get(f"/admin/drivers/driver/{both.at_a.pk}/change/")
    assert page.status_code == 200
    assert leaked(page.content) == set()


def test_a_paper_approved_at_one_company_is_missing_at_the_other(both):
    demand(both.a, "driving_licence")
    paper = hand_in(both, both.at_b, number="LIC-1", at=NOON)
    services.approve_document(paper, actor=both.actor(both.b), at=NOON)
    with pytest.raises(Exception, match="missing or have run out"):
        services.require_papers(both.at_a, ["driving_licence"], NOON.date())
    services.require_papers(both.at_b, ["driving_licence"], NOON.date())


def test_to_be_suspended_at_one_company_changes_nothing_at_the_other(both, api):
    services.suspend_driver(both.at_a, actor=both.actor(), reason="papers")
    both.at_b.refresh_from_db()
    assert both.at_b.status == "active"
    phone = api(both.beata, **{"X-Voltop-Provider": str(both.b.pk)})
    assert phone.get("/api/v1/me/papers/").status_code == 200


def left(both: Both, driver: Driver) -> Driver:
    actor = both.actor(driver.provider)
    driver = services.leave_driver(driver, actor=actor, reason="moves")
    return services.terminate_driver(driver, actor=actor, reason="moved")


def erased(both: Both, driver: Driver) -> Driver:
    gone = left(both, driver)
    return services.erase_driver(gone, actor=both.actor(driver.provider), reason="asked for")


def test_to_be_erased_at_one_company_leaves_the_other_as_it_was(both, api):
    assert erased(both, both.at_a).name == "Erased"
    at_b = Driver.objects.unscoped().get(pk=both.at_b.pk)
    assert (at_b.name, at_b.national_id) == ("Beata Both", SECRETS["number"])
    account, actor = PayoutAccount.objects.unscoped().get(driver=at_b), both.actor(both.b)
    assert services.account_details(account, actor=actor) == {"iban": SECRETS["account"]}
    assert holder_tax_id_of(account, actor=actor) == SECRETS["tax"]
    phone = api(User.objects.get(pk=both.beata.pk), **{"X-Voltop-Provider": str(both.b.pk)})
    assert phone.get("/api/v1/me/papers/").json()["results"][0]["number_mask"] == "•••• 711"


def test_erased_at_both_the_log_in_is_gone(both):
    erased(both, both.at_a)
    assert User.objects.get(pk=both.beata.pk).is_active
    erased(both, both.at_b)
    user = User.objects.get(pk=both.beata.pk)
    assert (user.is_active, user.full_name) == (False, "")
    assert not user.has_usable_password()


def test_who_is_also_a_member_keeps_the_log_in(both):
    fleet_services.add_member(both.a, both.beata, actor=both.actor(), role="support")
    erased(both, both.at_a)
    erased(both, both.at_b)
    assert User.objects.get(pk=both.beata.pk).is_active
