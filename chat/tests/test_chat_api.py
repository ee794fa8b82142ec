"""Chat through the API, from both sides."""

from chat.models import Conversation

STAFF, OWN = "/api/v1/conversations", "/api/v1/me/conversations"


def begin(client, body="Where is my pay?", **values):
    made = client.post(OWN, {"topic": "pay", "body": body} | values, format="json")
    assert made.status_code == 201, made.json()
    return made.json()


def test_a_driver_asks_and_support_answers(cast, api):
    driver, support = api(cast.driver.user), api(cast.support)
    conversation = begin(driver, client_id="a")
    path = f"{STAFF}/{conversation['id']}"
    replied = support.post(f"{path}/messages", {"body": "Tomorrow."}, format="json")
    assert (replied.status_code, replied.json()["seq"]) == (201, 2)
    note = support.post(f"{path}/notes", {"body": "asks every week"}, format="json")
    assert note.status_code == 201
    seen = driver.get(f"{OWN}/{conversation['id']}/messages")
    assert [m["body"] for m in seen.json()["results"]] == ["Where is my pay?", "Tomorrow."]
    assert b"every week" not in seen.content
    assert "author" not in seen.json()["results"][1]
    missed = driver.get(f"{OWN}/{conversation['id']}/messages?after=1").json()["results"]
    assert [m["seq"] for m in missed] == [2]
    assert driver.get(f"{OWN}/{conversation['id']}/notes").status_code == 404
    resolved = support.post(f"{path}/resolve", {"reason": "told"}, format="json")
    assert resolved.json()["status"] == "resolved"
    assert support.post(f"{path}/resolve", {}, format="json").status_code == 409


def test_a_driver_sees_own_conversations_only(cast, api):
    mine = begin(api(cast.driver.user))
    other = api(cast.other_driver.user)
    assert other.get(OWN).json()["results"] == []
    assert other.get(f"{OWN}/{mine['id']}").status_code == 404
    assert other.get(f"{OWN}/{mine['id']}/messages").status_code == 404
    answer = other.post(f"{OWN}/{mine['id']}/messages", {"body": "x"}, format="json")
    assert answer.status_code == 404
    assert api(cast.driver.user).get(STAFF).status_code == 403
    assert api(cast.outsider).get(f"{STAFF}/{mine['id']}").status_code == 404
    assert api(cast.viewer).get(STAFF).status_code == 403


def test_staff_write_first_assign_and_read(cast, api):
    support = api(cast.support)
    body = {"driver": cast.driver.pk, "topic": "documents", "body": "Your licence expires."}
    made = support.post(STAFF, body, format="json")
    assert made.status_code == 201, made.json()
    path = f"{STAFF}/{made.json()['id']}"
    assigned = support.post(f"{path}/assign", {"assignee": cast.support.pk}, format="json")
    assert assigned.json()["assignee"] == cast.support.pk
    refused = support.post(f"{path}/assign", {"assignee": cast.outsider.pk}, format="json")
    assert refused.json()["errors"][0]["code"] == "object_not_found"
    assert support.post(f"{path}/read", {"seq": 1}, format="json").json()["seq"] == 1
    unread = support.post(f"{path}/read", {"seq": 2}, format="json")
    assert (unread.status_code, unread.json()["code"]) == (400, "read_too_far")
    assert Conversation.objects.get().assignee == cast.support


def test_a_message_is_plain_text_within_bounds(cast, api):
    driver = api(cast.driver.user)
    for body, code in [("", "blank"), ("x" * 4001, "too_long"), ("a\u0000b", None), (5, None)]:
        answer = driver.post(OWN, {"topic": "pay", "body": body}, format="json")
        assert answer.status_code == 400, body
        codes = [answer.json()["code"]] + [e["code"] for e in answer.json()["errors"]]
        assert code is None or code in codes
    two_lines = begin(driver, "one\ntwo <b>three</b>")
    shown = driver.get(f"{OWN}/{two_lines['id']}/messages").json()["results"][0]
    assert shown["body"] == "one\ntwo <b>three</b>"


def test_the_list_takes_the_same_number_of_queries_whatever_its_length(
    cast, api, django_assert_num_queries
):
    support = api(cast.support)
    begin(api(cast.driver.user))
    with django_assert_num_queries(3):
        support.get(STAFF)
    for topic in ("vehicle", "charging", "other"):
        begin(api(cast.driver.user), topic=topic)
    with django_assert_num_queries(3):
        assert len(support.get(STAFF).json()["results"]) == 4
