"""Baseline: FastAPI, pydantic and asyncpg with binary COPY, as its documentation would have it."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import asyncpg
from fastapi import FastAPI
from pydantic import AwareDatetime, BaseModel, Field, create_model

from benchmarks.ingest import table


class _Base(BaseModel):
    vehicle: Annotated[int, Field(ge=1)]
    recorded_at: AwareDatetime
    charging: Literal["none", "ac", "dc"] | None = None
    plugged: bool | None = None
    ignition: bool | None = None
    occupied: bool | None = None


_numbers: dict[str, Any] = {
    name: (Annotated[float, Field(ge=low, le=high)] | None, None)
    for name, (low, high) in table.LIMITS.items()
}
Sample = create_model("Sample", __base__=_Base, **_numbers)


class Batch(BaseModel):
    samples: list[Sample]  # type: ignore[valid-type]


async def _prepare(connection: asyncpg.Connection) -> None:
    await connection.execute(table.MAKE_STAGING)


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    # `reset` would drop the temporary table between two uses of a connection.
    async with asyncpg.create_pool(
        os.environ["BENCH_DSN_URL"], min_size=2, max_size=8, init=_prepare, reset=_keep
    ) as pool:
        app.state.pool = pool
        yield


async def _keep(connection: asyncpg.Connection) -> None:
    return None


app = FastAPI(lifespan=_lifespan)


@app.post("/")
async def ingest(batch: Batch) -> dict[str, int]:
    received_at = datetime.now(UTC)
    rows = [table.row(sample, received_at) for sample in batch.samples]
    async with app.state.pool.acquire() as connection, connection.transaction():
        await connection.copy_records_to_table("staging", records=rows, columns=table.COLUMNS)
        accepted = int((await connection.execute(table.INSERT)).rpartition(" ")[2])
        await connection.execute(table.STATE)
    return {"accepted": accepted, "duplicates": len(rows) - accepted}
