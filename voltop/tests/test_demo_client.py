"""The demo's client repeats what may be repeated, and nothing else."""

import httpx
import pytest

from voltop.demo import client as subject


def talking_to(answers: list[httpx.Response | Exception], keys: list[str]) -> subject.Client:
    def answer(request: httpx.Request) -> httpx.Response:
        keys.append(request.headers["Idempotency-Key"])
        found = answers.pop(0)
        if isinstance(found, Exception):
            raise found
        return found

    made = subject.Client("http://voltop.example", token="t")
    made._http = httpx.Client(
        base_url="http://voltop.example/api/v1/", transport=httpx.MockTransport(answer)
    )
    return made


def in_progress() -> httpx.Response:
    return httpx.Response(409, json={"code": "idempotency_in_progress"})


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    found: list[float] = []
    monkeypatch.setattr("voltop.demo.client.time.sleep", found.append)
    return found


def test_a_request_that_timed_out_here_is_waited_for_with_its_key() -> None:
    keys: list[str] = []
    still = [in_progress() for _ in range(subject.TRIES * 2)]
    done = httpx.Response(200, json={"accepted": 3})
    answers: list[httpx.Response | Exception] = [httpx.ReadTimeout("late"), *still, done]
    assert talking_to(answers, keys).post("drivers/bulk", {}) == {"accepted": 3}
    assert len(keys) == len(still) + 2
    assert len(set(keys)) == 1


def test_the_waiting_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subject, "PATIENCE_S", -1)
    keys: list[str] = []
    with pytest.raises(subject.ApiError) as caught:
        talking_to([in_progress()], keys).post("drivers/bulk", {})
    assert caught.value.code == "idempotency_in_progress"


def test_another_conflict_is_told_at_once() -> None:
    keys: list[str] = []
    conflict = httpx.Response(409, json={"code": "conflict"})
    with pytest.raises(subject.ApiError) as caught:
        talking_to([conflict], keys).post("drivers", {})
    assert caught.value.code == "conflict"
    assert len(keys) == 1
