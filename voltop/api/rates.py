"""How many calls somebody may make: GCRA, one atomic step in Redis for all that a call counts for.

A caller counts under each of their names (`Principal.counted_as`): a person as an account and as
the device they are logged in on, a program as a client, a tracker's source as itself; whoever
shows no credentials, or none that hold, as an address. `burst` calls may come at once, and
`per_min` of them are given back in a minute, evenly. A refused call counts for nothing.

What must hold without Redis (log-in, codes, files) has limits of its own in PostgreSQL
(`fleets.limits`); these here protect the house from programs that run wild, and let everybody in
while Redis is away. Headers: draft-ietf-httpapi-ratelimit-headers.
"""

import logging
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import redis
from django.conf import settings

logger = logging.getLogger(__name__)

WITHIN_S = 0.25
NOT_TRIED_S = 2.0
SCRIPT = """
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
local refused, filled, states = 0, {}, {}
for i, key in ipairs(KEYS) do
  local every, burst = tonumber(ARGV[2 * i - 1]), tonumber(ARGV[2 * i])
  local before = math.max(tonumber(redis.call('GET', key) or now), now)
  filled[i] = before + every
  local over = filled[i] - now - every * burst
  -- The clock's last digit decides nothing.
  if over > 0.000001 then
    refused = math.max(refused, over)
  end
end
for i, key in ipairs(KEYS) do
  local every, burst = tonumber(ARGV[2 * i - 1]), tonumber(ARGV[2 * i])
  local until_empty = filled[i] - now
  if refused > 0 then
    until_empty = until_empty - every
  else
    redis.call('SET', key, string.format('%.6f', filled[i]), 'PX', math.ceil(until_empty * 1000))
  end
  states[2 * i - 1] = math.max(0, math.floor(burst - until_empty / every + 0.000001))
  states[2 * i] = math.ceil(until_empty)
end
return {math.ceil(refused * 1000), states}
"""


@dataclass(frozen=True, slots=True)
class Rate:
    """`burst` calls at once, `per_min` given back in a minute."""

    per_min: int
    burst: int

    @property
    def refilled_s(self) -> int:
        """How long it takes until all of the burst is there again."""
        return math.ceil(self.burst * 60 / self.per_min)


RATES: Mapping[str, Rate] = {
    "account": Rate(3_000, 1_000),
    "device": Rate(1_500, 500),
    "client": Rate(12_000, 3_000),
    "source": Rate(12_000, 3_000),
    "address": Rate(1_500, 500),
}

_away_until = 0.0


@dataclass(frozen=True, slots=True)
class Taken:
    """`wait_s` is 0 for a call that may go on; `headers` tell the caller what is left."""

    wait_s: int
    headers: Mapping[str, str]


FREE = Taken(0, {})


def take(counted_as: Sequence[tuple[str, Any]]) -> Taken:
    """Count one call under each of the names, unless any of them is used up.

    `VOLTOP_RATE_FACTOR` multiplies all rates; 0 switches them off.
    """
    global _away_until
    factor = settings.RATE_FACTOR
    if not factor or time.monotonic() < _away_until:
        return FREE
    rates = [scaled(RATES[name], factor) for name, _who in counted_as]
    arguments = [value for rate in rates for value in (60 / rate.per_min, rate.burst)]
    keys = [f"voltop:rate:{name}:{who}" for name, who in counted_as]
    try:
        refused_ms, states = _script()(keys=keys, args=arguments)
    except (redis.RedisError, OSError):
        _away_until = time.monotonic() + NOT_TRIED_S
        logger.warning("calls are not counted: Redis is away")
        return FREE
    policies, lefts = [], []
    for n, ((name, _who), rate) in enumerate(zip(counted_as, rates, strict=True)):
        policies.append(f'"{name}";q={rate.burst};w={rate.refilled_s}')
        lefts.append(f'"{name}";r={states[2 * n]};t={states[2 * n + 1]}')
    headers = {"RateLimit-Policy": ", ".join(policies), "RateLimit": ", ".join(lefts)}
    return Taken(math.ceil(refused_ms / 1000), headers)


def scaled(rate: Rate, factor: float) -> Rate:
    """The rate of a deployment that allows more or less; never less than one call."""
    return Rate(max(1, round(rate.per_min * factor)), max(1, round(rate.burst * factor)))


@cache
def _script() -> Any:
    client = redis.Redis.from_url(
        settings.CACHES["default"]["LOCATION"],
        socket_timeout=WITHIN_S,
        socket_connect_timeout=WITHIN_S,
        retry=None,
    )
    return client.register_script(SCRIPT)
