"""Papers in the admin: reviewed beside the record, in one's own company."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from drivers import services
from drivers.models import DriverDocument
from drivers.tests.papers import PICTURE, TODAY, hand_in
from fleets.models import AuditEntry
from voltop import files
from voltop.tests import files_corpus as corpus

pytestmark = pytest.mark.django_db
LIST = "/admin/drivers/driverdocument/"


def page_of(document) -> str:
    return f"{LIST}{document.pk}/change/"


def test_the_picture_stands_beside_the_record_and_is_judged_there(cast, client):
    document = hand_in(cast, cast.driver, number="LIC-004217", expires_on=TODAY)
    services.update_driver(cast.driver, actor=cast.actor(), national_id="CURP-77")
    client.force_login(cast.dispatcher)
    page = client.get(page_of(document)).content.decode()
    assert f'src="{LIST}{document.pk}/file/"' in page
    assert "Dora Driver" in page
    assert "CURP-77" in page
    assert "LIC-004217" in page
    picture = client.get(f"{LIST}{document.pk}/file/")
    assert (picture.content, picture["X-Content-Type-Options"]) == (PICTURE.content, "nosniff")
    assert AuditEntry.objects.filter(action="driver_document.seen").count() == 1
    form = {"_selected_action": [document.pk], "from_row": "1", "reason": "blurred"}
    answer = client.post(LIST, form | {"action": "review_driverdocument__reject"}, follow=True)
    assert "Done for 1." in answer.content.decode()
    document.refresh_from_db()
    assert (document.status, document.refusal) == ("rejected", "blurred")


def test_the_page_of_a_driver_leads_to_each_paper(cast, client):
    document = hand_in(cast, cast.driver, number="LIC-1", expires_on=TODAY)
    client.force_login(cast.dispatcher)
    page = client.get(f"/admin/drivers/driver/{cast.driver.pk}/change/").content.decode()
    assert f'href="{page_of(document)}">{document.get_kind_display()}</a>' in page


def test_what_was_written_down_is_corrected_beside_the_picture(cast, client):
    document = hand_in(cast, cast.driver, number="LIC-1", expires_on=TODAY)
    client.force_login(cast.owner)
    nothing = {"events-TOTAL_FORMS": "0", "events-INITIAL_FORMS": "0"}
    said = {
        "kind": "driving_licence",
        "country": "MX",
        "number": "LIC-004217",
        "categories": "B, D1",
    }
    answer = client.post(page_of(document), said | nothing)
    assert answer.status_code == 302, answer.context["errors"]
    document.refresh_from_db()
    assert (document.country, document.number_mask) == ("MX", "•••• 217")
    assert (document.categories, document.expires_on) == (["B", "D1"], None)
    entry = AuditEntry.objects.get(action="driver_document.corrected")
    assert set(entry.changes) == {"country", "number", "categories", "expires_on"}


def test_staff_hand_a_paper_in_by_an_ordinary_file_field(cast, client):
    client.force_login(cast.owner)
    said = {"driver": cast.driver.pk, "kind": "national_id", "country": "", "number": ""}
    refused = client.post(f"{LIST}add/", said | {"upload": SimpleUploadedFile("a.jpg", b"<html>")})
    assert "Hand in a photo (JPEG, PNG or WebP) or a PDF." in refused.content.decode()
    made = client.post(f"{LIST}add/", said | {"upload": SimpleUploadedFile("a.pdf", corpus.pdf())})
    assert made.status_code == 302, made.context["errors"]
    document = DriverDocument.objects.get()
    assert (document.status, document.file.content_type) == ("pending", "application/pdf")
    assert files.read(document.file) == corpus.pdf()
    assert f'src="{LIST}{document.pk}/file/"' not in client.get(page_of(document)).content.decode()


def test_a_paper_is_shown_to_its_company_and_its_roles_only(cast, client):
    document = hand_in(cast, cast.driver)
    for person, status in ((cast.outsider, 404), (cast.accountant, 403), (cast.viewer, 403)):
        client.force_login(person)
        assert client.get(f"{LIST}{document.pk}/file/").status_code == status
        client.logout()
    assert client.get(f"{LIST}{document.pk}/file/").status_code == 302
    assert not AuditEntry.objects.filter(action="driver_document.seen").exists()


def test_the_list_takes_as_many_queries_for_twelve_papers_as_for_three(
    cast, client, django_assert_max_num_queries
):
    client.force_login(cast.owner)
    for _paper in range(12):
        hand_in(cast, cast.driver)
    client.get(LIST)
    with django_assert_max_num_queries(14):
        assert client.get(LIST).status_code == 200
