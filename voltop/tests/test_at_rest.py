"""What tells where money goes, who people are in law or what their face is like is not to be read.

Numbers that occur nowhere else are sent in by every way there is; then all that is kept anywhere is
searched for them: `voltop.tests.plaintext`.
"""

import base64
import io
import json
import logging
import random
import struct

import pytest
from django.core.cache import cache
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.test import Client
from PIL import Image
from stdnum import iban as iban_rules
from stdnum.br import cpf as cpf_rules
from stdnum.us import rtn as rtn_rules

from drivers.faces import consent
from drivers.models import Driver, FaceTemplate, PayoutAccount
from drivers.services import faces
from drivers.tests.painted_faces import PaintedFaces, ask_for_faces, embedding, painted
from fleets.models import AuditEntry, DataImport
from fleets.services import import_runs
from voltop import files
from voltop.tables import IdempotencyKey
from voltop.tests.cast import PASSWORD, Cast
from voltop.tests.embedded_instance import needs_embedded_services
from voltop.tests.plaintext import Places, forms

DICE = random.Random()
DRIVERS, ACCOUNTS, PAPERS = "/api/v1/drivers", "/api/v1/payout-accounts", "/api/v1/documents"


def digits(count: int) -> str:
    return "".join(DICE.choices("123456789", k=count))


def clabe() -> str:
    """By Banco de México's weights."""
    body = f"002010{digits(11)}"
    weighed = sum(int(d) * w % 10 for d, w in zip(body, (3, 7, 1) * 6, strict=False))
    return f"{body}{-weighed % 10}"


def an_iban() -> str:
    bban = digits(18)
    return f"DE{iban_rules.calc_check_digits(f'DE00{bban}')}{bban}"


def a_cpf() -> str:
    body = digits(9)
    return body + cpf_rules._calc_check_digits(body)


def an_rfc() -> str:
    return f"Z{''.join(DICE.choices('BCDFGHJ', k=3))}851231{digits(3)}"


def routing() -> str:
    body = f"0210{digits(4)}"
    return body + rtn_rules.calc_check_digit(body)


def photo() -> bytes:
    out = io.BytesIO()
    Image.frombytes("L", (64, 64), DICE.randbytes(64 * 64)).save(out, "PNG")
    return out.getvalue()


class Office:
    """The owner's calls of the API, each with a key of its own."""

    def __init__(self, cast: Cast) -> None:
        self.client = Client()
        login = {"login": cast.owner.email, "password": PASSWORD}
        answer = self.client.post("/api/v1/auth/token", login, content_type="application/json")
        self.headers = {"Authorization": f"Bearer {answer.json()['access_token']}"}

    def send(self, method: str, path: str, body: object, status: int) -> dict:
        keyed = {"Idempotency-Key": digits(20)} if method == "POST" else {}
        answer = self.client.generic(
            method,
            path,
            json.dumps(body),
            content_type="application/json",
            headers=self.headers | keyed,
        )
        assert answer.status_code == status, answer.content
        found: dict = answer.json()
        return found


def accounts() -> dict[str, tuple[dict[str, str], str]]:
    """By kind: what is sent, and what must not be found of it."""
    numbers = {"iban": an_iban(), "clabe": clabe(), "cpf": a_cpf(), "rtn": routing()}
    branch, us = digits(13), digits(15)
    return {
        "iban": ({"iban": numbers["iban"]}, numbers["iban"][4:]),
        "clabe": ({"clabe": numbers["clabe"]}, numbers["clabe"][:-1]),
        "pix": ({"key_kind": "cpf", "key": numbers["cpf"]}, numbers["cpf"][:-1]),
        "branch": ({"bank": "341", "branch": "0123", "account": branch}, branch[:-1]),
        "us": ({"routing": numbers["rtn"], "account": us}, us[:-1]),
    }


def put_accounts(office: Office, driver: int) -> list[str]:
    """One after the other, each also with a slip of the pen; what must not be found."""
    secret = []
    for kind, (details, number) in accounts().items():
        holder = an_rfc()
        body = {"driver": driver, "kind": kind, "details": details, "holder_name": "Zenaida"}
        slip = details | {key: f"{value[:-1]}!" for key, value in details.items()}
        office.send("POST", ACCOUNTS, body | {"details": slip}, 400)
        office.send("POST", ACCOUNTS, body | {"holder_tax_id": f"{holder}!"}, 400)
        office.send("POST", ACCOUNTS, body | {"holder_tax_id": holder}, 201)
        secret += [number, holder]
    return secret


def put_papers(office: Office, driver: int) -> list[str]:
    numbers = [f"LIC{digits(14)}" for _ in range(3)]
    body = {"driver": driver, "kind": "driving_licence", "file_name": "a.png"}
    content = base64.b64encode(photo()).decode()
    made = office.send("POST", PAPERS, body | {"content": content, "number": numbers[0]}, 201)
    office.send("PATCH", f"{PAPERS}/{made['id']}", {"number": numbers[1]}, 200)
    broken = base64.b64encode(b"no picture").decode()
    office.send("POST", PAPERS, body | {"content": broken, "number": numbers[2]}, 415)
    return numbers


def put_people(office: Office) -> tuple[int, list[str]]:
    """A driver whose number is corrected, and two by file, of whom one is only judged."""
    numbers = [f"CURP{digits(14)}" for _ in range(4)]
    person = {"given_name": "Zenaida", "family_name": "Canaria"}
    known = {**person, "email": f"z{digits(9)}@x.example"}
    made = office.send("POST", DRIVERS, known | {"national_id": numbers[0]}, 201)
    office.send("PATCH", f"{DRIVERS}/{made['id']}", {"national_id": numbers[1]}, 200)
    for number, dry_run in ((numbers[2], True), (numbers[3], False)):
        row = f"Zoe,Canaria,z{digits(9)}@x.example,{number}"
        content = f"given_name,family_name,email,national_id\n{row}\n"
        sent = base64.b64encode(content.encode()).decode()
        wanted = {"kind": "drivers", "file_name": "z.csv", "content": sent, "dry_run": dry_run}
        office.send("POST", "/api/v1/imports", wanted, 202)
    return int(made["id"]), numbers


@needs_embedded_services
def test_no_number_of_a_person_or_account_can_be_read_anywhere(committed_db):
    cast, word = Cast(), f"control{digits(12)}"
    office = Office(cast)
    with Places() as places:
        driver, secret = put_people(office)
        import_runs.run_imports()
        secret += put_accounts(office, driver) + put_papers(office, driver)
        pictures = [files.read(stored)[200:260] for stored in files.StoredFile.objects.unscoped()]
        files.move_kept()
        control(cast, word)
        found = places.read()
    assert [name for name, content in found.items() if word.encode() not in content] == []
    assert len(pictures) == 1
    hidden = {number: list(forms(number)) for number in secret}
    hidden |= {str(picture): [picture.lower(), picture.hex().encode()] for picture in pictures}
    hits = {
        (name, number)
        for name, content in found.items()
        for number, said in hidden.items()
        if any(form in content for form in said)
    }
    assert sorted(hits) == []
    kept_and_in_use(driver, secret)


def control(cast: Cast, word: str) -> None:
    """Something that may be read, in each place: a search that finds nothing proves nothing."""
    cast.depot(name=word)
    cache.set("control", word)
    logging.getLogger("voltop.tests").warning("said %s" % word)  # noqa: UP031
    storages["private"].save(word, ContentFile(word.encode()))


def kept_and_in_use(driver: int, secret: list[str]) -> None:
    """All of it is there for whoever may see it: sealed, not lost."""
    assert Driver.objects.unscoped().get(pk=driver).national_id == secret[1]
    assert PayoutAccount.objects.unscoped().filter(driver=driver).count() == 5
    assert IdempotencyKey.objects.count() > 15
    assert AuditEntry.objects.filter(action="payout_account.set").count() == 5
    assert DataImport.objects.unscoped().exclude(content=b"").count() == 1
    taken = Driver.objects.unscoped().get(given_name="Zoe")
    assert taken.national_id == secret[3]


# --- Faces ---------------------------------------------------------------------------------------
FACE, CHECKS, SHOW = "/api/v1/me/face", "/api/v1/me/face/checks", "/api/v1/auth/face/log-in"
MIDDLE = slice(400, 460)


def face_forms(person: int) -> dict[str, list[bytes]]:
    """What is computed of a face, as programs write numbers: packed either way, or in words."""
    takes = [embedding(person, take) for take in range(1, 7)]
    mean = tuple(sum(values) / 3 for values in zip(*takes[:3], strict=True))
    said: dict[str, list[bytes]] = {}
    for name, numbers in {
        "template": mean,
        **{f"take {n}": t for n, t in enumerate(takes)},
    }.items():
        some = numbers[40:44]
        packed = [struct.pack(f"{order}4{kind}", *some) for order in "<>" for kind in "df"]
        raw = [form for each in packed for form in bytes_forms(each)]
        said[name] = [*raw, *(f"{number:.12f}"[:13].encode() for number in some)]
    return said


def bytes_forms(raw: bytes) -> list[bytes]:
    """In small letters, as places are read."""
    middles = (base64.b64encode(b"\0" * n + raw)[4:-4].lower() for n in range(3))
    return [raw.lower(), raw.hex().encode(), *middles]


def picture_of(person: int, take: int) -> bytes:
    """A face on a ground of noise: a stretch of its bytes occurs nowhere else."""
    picture = Image.open(io.BytesIO(painted(person, take))).convert("L")
    noise = Image.frombytes("L", (picture.width, 64), DICE.randbytes(picture.width * 64))
    whole = Image.new("L", (picture.width, picture.height + 64))
    whole.paste(picture, (0, 0))
    whole.paste(noise, (0, picture.height))
    out = io.BytesIO()
    whole.convert("RGB").save(out, "PNG")
    return out.getvalue()


def show_faces(driver: Driver, pictures: list[bytes]) -> None:
    """Enrolled over the API, shown before a start, to an engine that is down, and at log-in."""
    client, login = Client(), {"login": driver.user.email, "password": PASSWORD}

    def send(path: str, body: object, status: int, **headers: str) -> dict:
        answer = client.post(path, body, content_type="application/json", headers=headers)
        assert answer.status_code == status, answer.content
        return dict(answer.json())

    own = {"Authorization": f"Bearer {send('/api/v1/auth/token', login, 200)['access_token']}"}
    shown = [base64.b64encode(each).decode() for each in pictures]
    send(FACE, {"consent_version": consent.VERSION, "photos": shown[:3]}, 201, **own)
    assert send(CHECKS, {"photo": shown[3]}, 201, **own)["result"] == "passed"
    broken = base64.b64encode(pictures[3][:-40]).decode()
    send(CHECKS, {"photo": broken}, 400, **own)
    challenge = send("/api/v1/auth/token", login, 401)["extra"]["challenge"]
    send(SHOW, {"challenge": challenge, "photo": shown[4]}, 200)
    PaintedFaces.is_down = True
    try:
        assert send(CHECKS, {"photo": shown[5]}, 201, **own)["result"] == "unavailable"
    finally:
        PaintedFaces.is_down = False


@needs_embedded_services
def test_nothing_of_a_face_can_be_read_anywhere(committed_db):
    cast, word, person = Cast(), f"control{digits(12)}", DICE.randrange(1, 256)
    ask_for_faces(cast.a, face_login="always")
    pictures = [picture_of(person, take) for take in range(1, 7)]
    with Places() as places:
        show_faces(cast.driver, pictures)
        files.move_kept()
        control(cast, word)
        found = places.read()
    assert [name for name, content in found.items() if word.encode() not in content] == []
    hidden = face_forms(person)
    for number, picture in enumerate(pictures):
        kept = files.prepare(picture).content
        hidden[f"photo {number}"] = [f for raw in (picture, kept) for f in bytes_forms(raw[MIDDLE])]
    hits = {
        (name, what)
        for name, content in found.items()
        for what, said in hidden.items()
        if any(form in content for form in said)
    }
    assert sorted(hits) == []
    opened = faces._opened(FaceTemplate.objects.unscoped().get())  # sealed, not lost
    assert opened[40] == pytest.approx(sum(embedding(person, n)[40] for n in (1, 2, 3)) / 3)


def test_a_face_is_found_in_whatever_form_its_numbers_are_written():
    numbers = embedding(7, 1)
    written = [
        struct.pack("<128d", *numbers),
        struct.pack(">128f", *numbers),
        struct.pack("<128d", *numbers).hex().encode(),
        *(base64.b64encode(b"x" * n + struct.pack("<128d", *numbers)) for n in range(3)),
        json.dumps(numbers).encode(),
    ]
    said = face_forms(7)["take 0"]
    for place, content in enumerate(written):
        assert any(form in content.lower() for form in said), place


def test_a_number_is_found_in_whatever_form_it_is_written():
    number = "DE89370400440532013000"
    written = [
        number.lower(),
        "DE89 3704 0044 0532 0130 00",
        "DE89-3704-0044-0532-0130-00",
        number[::-1],
        number.encode("utf-16-le").decode("latin1"),
        number.encode().hex(),
        *(base64.b64encode(f"{'x' * n}{number}, y".encode()).decode() for n in range(3)),
    ]
    said = list(forms(number))
    for text in written:
        assert any(form in text.encode("latin1").lower() for form in said), text
