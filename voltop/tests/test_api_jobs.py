"""Jobs through the API: those that one asked for oneself, and nobody else's."""

from voltop import jobs
from voltop.context import Actor


def test_a_caller_watches_their_own_job(cast, api):
    user = cast.dispatcher
    actor = Actor("user", user.pk, cast.a.pk)
    job = jobs.queue("tests.count", actor=actor, total=3)
    client = api(user)
    shown = client.get(f"/api/v1/jobs/{job.pk}")
    assert shown.status_code == 200
    assert {k: shown.json()[k] for k in ("kind", "state", "done", "total", "result")} == {
        "kind": "tests.count",
        "state": "queued",
        "done": 0,
        "total": 3,
        "result": {},
    }
    jobs.start(job.pk, actor=actor)
    jobs.finish(job.pk, actor=actor, result={"counted": 3})
    done = client.get(f"/api/v1/jobs/{job.pk}").json()
    assert (done["state"], done["result"]) == ("done", {"counted": 3})


def test_somebody_elses_job_does_not_exist(cast, api):
    job = jobs.queue("tests.count", actor=Actor("user", cast.owner.pk, cast.a.pk))
    for user in (cast.dispatcher, cast.outsider):
        assert api(user).get(f"/api/v1/jobs/{job.pk}").status_code == 404
    assert api(cast.owner).get(f"/api/v1/jobs/{10**18}").status_code == 404
    assert api().get(f"/api/v1/jobs/{job.pk}").status_code == 401
