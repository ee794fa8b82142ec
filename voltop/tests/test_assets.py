import pytest
from asgiref.sync import AsyncToSync
from django.test import AsyncClient, Client

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.filterwarnings("ignore:Django checks for ServeStatic"),
]
FILE = "/static/admin/css/base.css"


def test_a_static_file_is_served_with_its_length_and_type():
    answer = Client().get(FILE)
    content = b"".join(answer)
    assert answer.status_code == 200
    assert len(content) == int(answer["Content-Length"]) > 1000
    assert answer["Content-Type"].startswith("text/css")


@pytest.mark.asyncio
async def test_a_static_file_is_served_under_asgi_too():
    answer = await AsyncClient().get(FILE)
    assert answer.status_code == 200
    content = [part async for part in answer.streaming_content]
    assert len(b"".join(content)) == int(answer["Content-Length"])


@pytest.mark.parametrize("path", ["/static/nothing.css", "/static/../manage.py", "/static/"])
def test_what_is_no_static_file_is_not_found(path):
    assert Client().get(path).status_code == 404


def test_only_static_files_go_through_an_event_loop(monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("a loop for a plain request")

    client = Client()
    client.get("/admin/login/")  # the middleware is made at the first request
    monkeypatch.setattr(AsyncToSync, "__call__", refuse)
    assert client.get("/admin/login/").status_code == 200
    with pytest.raises(AssertionError, match="a loop"):
        client.get(FILE)
