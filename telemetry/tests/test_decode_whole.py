"""The quick way to read a body says exactly what the thorough one says, or leaves it to that."""

import json
from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import astuple

from telemetry.samples import FIELDS, Sample, decode_batch, decode_whole, parse

NOW = datetime(2026, 3, 5, tzinfo=UTC)
WORDS = (
    '1.0', '5', '1e2', '1e400', '-0.0', 'true', '"x"', '"ac"', 'null', '9' * 30, '[]', '{}',
    'NaN', '"2026-03-02T08:00:00+00:00"', '"2026-03-02T08:00:00"', '"\\ud800"', '"a\\u0000b"', '""',
)  # fmt: skip
USUAL = {"vehicle": "7", "recorded_at": '"2026-03-02T08:00:00.123456Z"'}


def body(*samples):
    texts = ("{" + ",".join(f"{json.dumps(k)}:{v}" for k, v in pairs) + "}" for pairs in samples)
    return ('{"samples":[' + ",".join(texts) + "]}").encode()


def same(raw):
    """Whether the quick way took it."""
    quick = decode_whole(raw)
    if quick is None:
        return False
    items, unknown = decode_batch(raw)
    assert unknown == []
    thorough = msgspec.convert(items, list[Sample])
    assert list(map(astuple, quick)) == list(map(astuple, thorough))
    parsed = parse(items, at=NOW)
    assert parsed.unknown_fields == []
    return True


@pytest.mark.parametrize("name", sorted(FIELDS))
def test_every_field_with_every_kind_of_word(name):
    taken = [word for word in WORDS if same(body({**USUAL, name: word}.items()))]
    assert 0 < len(taken) < len(WORDS)


def test_unknown_names_and_broken_bodies_are_left_to_the_thorough_way():
    assert same(body(USUAL.items()))
    assert decode_whole(body({**USUAL, "colour": "1"}.items())) is None
    for raw in (b"", b"{}", b"[]", b'{"samples":[],"x":1}', b'{"samples":[3]}', b"\xff", b"{"):
        assert decode_whole(raw) is None


def test_of_a_name_that_stands_twice_the_last_counts():
    assert same(body([*USUAL.items(), ("soc_pct", "5"), ("soc_pct", "6")]))
    raw = body([*USUAL.items(), ("soc_pct", "500"), ("soc_pct", "6")])
    assert decode_whole(raw) is None
    assert [one.soc_pct for _, one in parse(decode_batch(raw).items, at=NOW).samples] == [6]


@given(st.lists(st.lists(st.tuples(st.sampled_from(sorted(FIELDS)), st.sampled_from(WORDS)))))
def test_any_bodies(samples):
    same(body(*[[*USUAL.items(), *pairs] for pairs in samples]))
