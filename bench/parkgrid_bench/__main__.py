"""`parkgrid bench`: runs the benchmarks and prints each figure beside its bar."""

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from parkgrid_bench import scale
from parkgrid_bench.figures import BARS, BenchmarkError, Figure
from parkgrid_bench.suite import run
from parkgrid_servers import database as databases
from parkgrid_servers.broker import BrokerStartError
from parkgrid_servers.database import DatabaseStartError

_FAILED = 1
_WRONG = 2
_MOST_PARKS = 10_000


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status 0 when everything was measured and every answer was right, missed bars or not; 1 otherwise."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given[:1] == ["scale"]:
        return scale_main(given[1:])
    options = _options(given)
    names = options.only.split(",") if options.only else list(BARS)
    unknown = [name for name in names if name not in BARS]
    if unknown or options.pairs < 1:
        wrong = f"--only {','.join(unknown)}: the names are {', '.join(BARS)}" if unknown else "--pairs: at least 1"
        sys.stderr.write(f"{wrong}\n")
        return _WRONG
    progress = Console(stderr=True, highlight=False)
    try:
        with _folder(options.data_dir) as folder:
            database = databases.given(options.dsn) if options.dsn else None
            figures = run(names, Path(folder), options.pairs, options.broker, progress.print, database)
    except (BenchmarkError, BrokerStartError, DatabaseStartError) as error:
        sys.stderr.write(f"the bench could not run: {error}\n")
        return _FAILED
    if options.json:
        sys.stdout.write(json.dumps({figure.name: figure.as_json() for figure in figures}) + "\n")
    else:
        # Written to a file or a pipe, a table needs no folding.
        Console(width=None if sys.stdout.isatty() else 170).print(table(figures))
    return 0 if all(figure.correct for figure in figures) else _FAILED


def scale_main(arguments: Sequence[str]) -> int:
    """`parkgrid bench scale`: how cost grows with the number of parks."""
    options = _scale_options(arguments)
    progress = Console(stderr=True, highlight=False)
    try:
        with _folder(options.data_dir) as name:
            folder = Path(name)
            running = databases.given(options.dsn) if options.dsn else databases.start(folder / "database")
            try:
                sizes = list(scale.measure(running.dsn, folder, options.parks, progress.print))
            finally:
                running.stop()
    except (BenchmarkError, DatabaseStartError) as error:
        sys.stderr.write(f"the bench could not run: {error}\n")
        return _FAILED
    if options.json:
        told = {"sizes": [size.as_json() for size in sizes], "growth": scale.growth(sizes)}
        sys.stdout.write(json.dumps(told) + "\n")
    else:
        Console(width=None if sys.stdout.isatty() else 170).print(scale_table(sizes))
    return 0


def scale_table(sizes: Sequence[scale.Size]) -> Table:
    """A row for each figure, a column for each number of parks, and how much it grew."""
    made = Table("milliseconds", *(f"{size.parks:,} parks" for size in sizes), "grown")
    grown = scale.growth(sizes)
    for name in ("commit", "rollup", "metering"):
        each = (f"{getattr(size, f'{name}_ms'):.3f}" for size in sizes)
        made.add_row(f"{name}, a park and minute", *each, f"{grown[name]:.2f}")
    for name in sizes[0].answers_ms:
        made.add_row(name, *(f"{size.answers_ms[name]:.1f}" for size in sizes), f"{grown[name]:.2f}")
    made.caption = (
        "A park has 20 devices, each read once a minute. Grown: cost of a park with the most parks / with the fewest;"
        " live, day and devices ask about one park, parks, district and gateways about all (by park)."
    )
    made.caption_justify = "left"
    return made


def _scale_options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="parkgrid bench scale",
        description="Measures what a park costs among 10, 100 and 1,000 parks: storing, roll-ups, metering, answers.",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
    parser.add_argument(
        "--parks",
        type=_numbers,
        default=scale.SIZES,
        metavar="NUMBERS",
        help="numbers of parks, separated by commas (default 10,100,1000)",
    )
    parser.add_argument("--dsn", help="a server on which databases may be made and dropped (default: one of its own)")
    parser.add_argument("--data-dir", type=Path, help="where to put the bench's files (default: the temporary folder)")
    return parser.parse_args(arguments)


def _numbers(text: str) -> tuple[int, ...]:
    """Ascending numbers of parks."""
    try:
        numbers = tuple(int(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text} is not a list of whole numbers, such as 10,100") from None
    if list(numbers) != sorted(set(numbers)) or not 1 <= numbers[0] <= numbers[-1] <= _MOST_PARKS:
        raise argparse.ArgumentTypeError(f"{text}: numbers ascend, from 1 to {_MOST_PARKS:,}")
    return numbers


def table(figures: Sequence[Figure]) -> Table:
    """The figures beside their bars."""
    made = Table("figure", "ratio", "bar", "", "min", "max", "pairs", "answers", "in absolute numbers")
    for figure in figures:
        verdict = "[green]met[/]" if figure.met else "[red]missed[/]"
        ends = (f"{min(figure.ratios):.3g}", f"{max(figure.ratios):.3g}", str(len(figure.ratios)))
        right = "right" if figure.correct else "[red]WRONG[/]"
        made.add_row(figure.name, f"{figure.ratio:.3g}", str(BARS[figure.name]), verdict, *ends, right, figure.detail)
    made.caption = "\n".join(f"{figure.name}: {BARS[figure.name].meaning}" for figure in figures)
    made.caption_justify = "left"
    return made


def _folder(chosen: Path | None) -> "tempfile.TemporaryDirectory[str]":
    """A folder for everything, removed afterwards; the database's own user must be able to enter it."""
    folder = tempfile.TemporaryDirectory(prefix="parkgrid-bench-", dir=chosen, ignore_cleanup_errors=True)
    Path(folder.name).chmod(0o755)
    return folder


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="parkgrid bench",
        description="Measures this machine: ratios taken in one run, baseline and ours in turns, answers checked.",
        epilog="\n".join(f"{name:16} {bar!s:9} {bar.meaning}" for name, bar in BARS.items())
        + "\n\n`parkgrid bench scale` measures how cost grows with the number of parks.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
    parser.add_argument("--pairs", type=int, default=5, help="pairs of runs after the warm-up (default 5)")
    parser.add_argument("--only", metavar="NAMES", help="only these figures, separated by commas")
    parser.add_argument("--broker", choices=("mosquitto", "amqtt"), help="default: mosquitto if it is installed")
    parser.add_argument("--dsn", help="an empty database made for this, which keeps the rows (default: one of its own)")
    parser.add_argument("--data-dir", type=Path, help="where to put the bench's files (default: the temporary folder)")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
