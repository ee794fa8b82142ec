"""Ingest over HTTP: batches of 500 samples, durable, known once, the newest state of each vehicle.

The product runs as `web` does, with log-in, tenancy, a check and an answer for each sample. The
run is void unless the two frameworks do as well against a bare program as they are known to: else
something else is wrong with the machine or with a baseline.
"""

import itertools
import random
import statistics
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from benchmarks import machine, report
from benchmarks.cluster import DATABASE, Cluster
from benchmarks.ingest import staging, world
from benchmarks.ingest.traffic import USUAL, Shape, Traffic
from benchmarks.load import Load, Request, closed_loop, open_loop, post
from benchmarks.report import Section, Target, table
from benchmarks.server import Server, granian, uvicorn, web_command

ROW = "ingest"
CONNECTIONS = 4
REPEATED = 0.3
PRODUCT, DISORDER = "Voltop", "Voltop, 30 % repeated, all in disorder"
BARE, FASTAPI, FASTAPI_GRANIAN, DRF, STAGING = (
    "bare WSGI + msgspec + COPY",
    "FastAPI + pydantic + asyncpg COPY, uvicorn",
    "FastAPI + pydantic + asyncpg COPY, granian",
    "DRF ModelSerializer + bulk_create",
    "staging path inside the database",
)
_BASELINES = {
    BARE: granian("benchmarks.ingest.bare:application"),
    FASTAPI: uvicorn("benchmarks.ingest.fastapi_app:app"),
    FASTAPI_GRANIAN: granian("benchmarks.ingest.fastapi_app:app", interface="asgi"),
    DRF: granian("benchmarks.ingest.drf:application"),
}
PACKAGES = (
    "django", "djangorestframework", "psycopg", "msgspec", "granian", "uvicorn", "fastapi",
    "pydantic", "asyncpg",
)  # fmt: skip


@dataclass
class Round:
    """One stretch of one program."""

    rate: float
    python_us: float
    postgres_us: float
    p50_ms: float = 0.0
    p99_ms: float = 0.0


@dataclass
class Program:
    """Something that takes batches: its database, its server if it has one, what was measured."""

    name: str
    database: str
    server: Server | None = None
    path: str = "/"
    headers: dict[str, str] = field(default_factory=dict)
    rounds: list[Round] = field(default_factory=list)

    def median(self, of: Callable[[Round], float]) -> float:
        return statistics.median(of(found) for found in self.rounds)

    @property
    def rate(self) -> float:
        return self.median(lambda found: found.rate)

    @property
    def cpu(self) -> float:
        """µs of Python and PostgreSQL together that a sample costs."""
        return self.median(lambda found: found.python_us + found.postgres_us)


class Bench:
    """All programs on one cluster, and how a stretch of load is run and checked."""

    def __init__(self, cluster: Cluster, *, seconds: float, vehicles: int = world.VEHICLES) -> None:
        self.cluster = cluster
        self.seconds = seconds
        self.world = world.build(vehicles)
        self.wrong: list[str] = []
        self.spins: list[float] = []
        self.others: list[float] = []
        self.programs = {name: self._baseline(name) for name in _BASELINES}
        self.programs[STAGING] = self._copy(STAGING, "bench_staging")
        self._start_product()

    def _copy(self, name: str, database: str) -> Program:
        self.cluster.copy_database(database)
        return Program(name, database)

    def _baseline(self, name: str) -> Program:
        program = self._copy(name, f"bench_{len(name)}_{abs(hash(name)) % 10**6}")
        dsn = self.cluster.dsn(program.database)
        folder = self.cluster.services.layout.run_dir
        url = f"postgresql://voltop@/{program.database}?host={folder}"
        program.server = Server(name, _BASELINES[name], {"BENCH_DSN": dsn, "BENCH_DSN_URL": url})
        return program

    def _start_product(self) -> None:
        server = Server(PRODUCT, web_command(), {})
        tokens = {PRODUCT: self.world.token, DISORDER: self.world.repeating_token}
        for name, token in tokens.items():
            headers = {"Authorization": f"Bearer {token}"}
            self.programs[name] = Program(
                name, DATABASE, server, "/api/v1/telemetry/samples", headers
            )

    def stop(self) -> None:
        for program in self.programs.values():
            if program.server is not None:
                program.server.stop()

    # --- One stretch -----------------------------------------------------------------------------
    def traffic(self, name: str, shape: Shape = USUAL) -> Traffic:
        share = REPEATED if name == DISORDER else 0
        return Traffic(self.world.vehicles, self.world.start, shape, repeated=share)

    def requests(self, program: Program, traffic: Traffic) -> Iterator[Request]:
        for body in traffic.bodies():
            yield lambda body=body: post(program.path, body(), program.headers)

    def measure(self, name: str, shape: Shape = USUAL, *, filled: int = 0) -> Round:
        """A stretch as fast as answers come, with stored held against acknowledged after it."""
        program = self.programs[name]
        world.empty(self.cluster, program.database)
        traffic = self.traffic(name, shape)
        before = self._clocks(program)
        self.spins.append(machine.spin())
        if program.server is None:
            stored, spent, cpu = staging.run(
                self.cluster.dsn(program.database),
                traffic.bodies(),
                seconds=self.seconds,
                cpu=self.cluster.cpu,
            )
            self._check(program, stored)
            return Round(stored / spent, 0.0, cpu / stored * 1e6)
        busy = machine.busy_cpu()
        load = closed_loop(
            program.server.port,
            self.requests(program, traffic),
            connections=CONNECTIONS,
            seconds=self.seconds,
        )
        busy = machine.busy_cpu() - busy
        python, postgres = (
            after - start for after, start in zip(self._clocks(program), before, strict=True)
        )
        taken = self._checked(program, load)
        self.others.append(max(0.0, busy - python - postgres) / load.seconds)
        return Round(
            taken / load.seconds,
            python / taken * 1e6,
            postgres / taken * 1e6,
            load.percentile(0.5) * 1e3,
            load.percentile(0.99) * 1e3,
        )

    def latency(self, name: str, rate: float) -> float:
        """p99 in ms of a batch at so many samples a second, counted from when it was due."""
        program = self.programs[name]
        assert program.server is not None
        world.empty(self.cluster, program.database)
        load = open_loop(
            program.server.port,
            self.requests(program, self.traffic(name)),
            connections=2 * CONNECTIONS,
            seconds=self.seconds,
            rate=rate / USUAL.samples,
        )
        self._checked(program, load)
        return load.percentile(0.99) * 1e3

    def _clocks(self, program: Program) -> tuple[float, float]:
        server = program.server
        return (server.cpu() if server else 0.0, self.cluster.cpu())

    def _checked(self, program: Program, load: Load) -> int:
        """Samples taken (new and known), after a look at what is stored."""
        self.wrong += [f"{program.name}: {failure}" for failure in load.failures[:3]]
        accepted = sum(answer["accepted"] for answer in load.answers)
        self._check(program, accepted)
        return max(1, accepted + sum(answer["duplicates"] for answer in load.answers))

    def _check(self, program: Program, accepted: int) -> None:
        found = world.wrong(self.cluster, program.database, accepted)
        if found:
            self.wrong.append(f"{program.name}: {found}")


def run(cluster: Cluster, *, rounds: int, seconds: float) -> Section:
    bench = Bench(cluster, seconds=seconds)
    try:
        return _run(bench, rounds)
    finally:
        bench.stop()


def _run(bench: Bench, rounds: int) -> Section:
    rng = random.Random(7)
    for name in bench.programs:  # every process has imported and connected before it counts
        bench.measure(name)
    bench.spins.clear()
    bench.others.clear()
    for number in range(rounds):
        names = list(bench.programs)
        rng.shuffle(names)
        for name in names:
            found = bench.measure(name)
            bench.programs[name].rounds.append(found)
            print(f"{ROW} {number + 1}/{rounds} {name}: {found.rate:,.0f}/s", file=sys.stderr)
    half = bench.programs[PRODUCT].rate / 2
    p99 = [bench.latency(PRODUCT, half) for _ in range(rounds)]
    growth = _growth(bench, rounds=min(3, rounds))
    targets = _targets(bench, statistics.median(p99))
    text = _text(bench, targets, p99, growth, rounds)
    return Section(ROW, "Ingest over HTTP", text, targets, bench.wrong)


# --- What it comes to ----------------------------------------------------------------------------
def _targets(bench: Bench, p99_ms: float) -> list[Target]:
    programs = bench.programs
    product = programs[PRODUCT]
    void = _void(bench)

    def against(name: str, at_least: float) -> Target:
        ratio = product.rate / programs[name].rate
        return Target(ROW, name, ratio, at_least=at_least, void=void)

    disorder = programs[DISORDER].rate / product.rate
    return [
        against(FASTAPI, 1.5),
        against(FASTAPI_GRANIAN, 1.2),
        against(STAGING, 0.75),
        against(DRF, 7),
        Target(ROW, "itself, with 30 % repeated and disorder", disorder, at_least=0.7, void=void),
        _most("Python CPU a sample, µs", product.median(lambda r: r.python_us), 4, void),
        _most("PostgreSQL CPU a sample, µs", product.median(lambda r: r.postgres_us), 6.5, void),
        _most("p99 of a batch at half load, ms", p99_ms, 50, void),
    ]


def _most(name: str, found: float, at_most: float, void: str) -> Target:
    return Target(ROW, name, found, at_most=at_most, void=void)


def _void(bench: Bench) -> str:
    """Why nothing can be told from this run."""
    if bench.wrong:
        return "; ".join(bench.wrong[:5])
    bare = bench.programs[BARE].rate
    for name, least in ((FASTAPI, 0.35), (DRF, 0.06)):
        share = bench.programs[name].rate / bare
        if share < least:
            return f"{name} reached only {share:.2f} of {BARE}, known to reach {least}"
    return ""


def _growth(bench: Bench, *, rounds: int) -> list[tuple[str, Round]]:
    """What a sample costs as batches, vehicles a batch and fields grow."""
    shapes = {
        "50 samples of 50 vehicles": Shape(50, 1),
        "500 samples of 50 vehicles": Shape(50, 10),
        "500 samples of 500 vehicles": Shape(500, 1),
        "500 samples of 50 vehicles, every field filled": Shape(50, 10, all_fields=True),
        "5,000 samples of 500 vehicles": Shape(500, 10),
    }
    found: dict[str, list[Round]] = {}
    for _, (name, shape) in itertools.product(range(rounds), shapes.items()):
        found.setdefault(name, []).append(bench.measure(PRODUCT, shape))
    return [
        (name, sorted(measured, key=lambda r: r.rate)[len(measured) // 2])
        for name, measured in found.items()
    ]


def _text(
    bench: Bench,
    targets: list[Target],
    p99: list[float],
    growth: list[tuple[str, Round]],
    rounds: int,
) -> str:
    fastapi = bench.programs[FASTAPI]
    ordered = sorted(bench.programs.values(), key=lambda program: -program.rate)
    measured = table(
        ("program", "samples/s (median)", "least–most", "Python µs", "PostgreSQL µs",
         "CPU × FastAPI", "p50 ms", "p99 ms"),
        [_line(program, fastapi) for program in ordered],
    )  # fmt: skip
    grown = table(
        ("the product, a batch of", "samples/s", "Python µs", "PostgreSQL µs", "p99 ms"),
        [(name, f"{r.rate:,.0f}", *map(_short, (r.python_us, r.postgres_us, r.p99_ms)))
         for name, r in growth],
    )  # fmt: skip
    about = {**machine.describe(), "PostgreSQL": bench.cluster.version()}
    about |= machine.versions(PACKAGES)
    void = _void(bench)
    return _PAGE.format(
        void=f"**Void: {void}.**\n\n" if void else "",
        verdicts=report.verdicts(targets),
        rounds=rounds,
        seconds=f"{bench.seconds:g}",
        connections=CONNECTIONS,
        web=" ".join(web_command()),
        bare=bench.programs[BARE].median(lambda r: r.python_us),
        measured=measured,
        p99=", ".join(f"{value:.0f}" for value in p99),
        growth=grown,
        noise=_noise(bench),
        about="; ".join(f"{name} {value}" for name, value in about.items()),
    )


def _line(program: Program, fastapi: Program) -> tuple[object, ...]:
    rates = [found.rate for found in program.rounds]
    served = program.server is not None
    return (
        program.name,
        f"{program.rate:,.0f}",
        f"{min(rates):,.0f}–{max(rates):,.0f}",
        f"{program.median(lambda r: r.python_us):.1f}" if served else "–",
        f"{program.median(lambda r: r.postgres_us):.1f}",
        f"{program.cpu / fastapi.cpu:.2f}" if served else "–",
        f"{program.median(lambda r: r.p50_ms):.0f}" if served else "–",
        f"{program.median(lambda r: r.p99_ms):.0f}" if served else "–",
    )


def _short(value: float) -> str:
    return f"{value:.1f}"


def _noise(bench: Bench) -> str:
    spins = sorted(bench.spins)
    middle = statistics.median(spins)
    return (
        f"A fixed piece of work took {spins[0] / middle:.2f}–{spins[-1] / middle:.2f} × its median "
        f"over the run; sender and everybody else on the machine used {min(bench.others):.2f}–"
        f"{max(bench.others):.2f} (median {statistics.median(bench.others):.2f}) cores."
    )


_PAGE = """
{void}{verdicts}

Batches of 500 samples as JSON (50 vehicles × 10 seconds, by time; vehicle, time and nine values),
over {connections} kept-alive connections, each sending its next batch when the last is answered.
Every acknowledged sample is committed (fsync and synchronous_commit on), a key is stored once, and
each vehicle's newest state is kept. All write to copies of the product's own migrated database.
After every stretch, rows stored = samples acknowledged and state = newest sample are checked.
{rounds} rounds of {seconds} s a program, shuffled in each round; medians.

The product runs as in compose.yaml (`{web}`), with its source's token, tenancy, per-sample
checks and results; the baselines have as many processes and do without all four.
The staging path is one connection fed with ready-made binary rows; it has no HTTP and no Python.
On a busy machine the CPU columns tell more than the rates. The two absolute CPU targets were set on
a machine where the bare program used 2.0 µs of Python a sample; here it used {bare:.1f}.

{measured}

p99 of a batch at half of the product's own rate, counted from when it was due: {p99} ms.

{growth}

**Noise.** {noise}

{about}.
"""
