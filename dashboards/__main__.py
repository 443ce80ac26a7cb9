"""Write the dashboards as JSON: `python -m dashboards build --out DIR`."""

import argparse
from pathlib import Path

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from dashboards import park
from dashboards.words import LANGUAGES


def main(arguments: list[str] | None = None) -> int:
    """Build every dashboard into a folder; 0 when done."""
    parser = argparse.ArgumentParser(prog="python -m dashboards", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="build")
    build = commands.add_parser("build", help="write one JSON file for each dashboard and language")
    default = Path(__file__).parent / "provisioning" / "dashboards"
    build.add_argument("--out", type=Path, default=default, help="folder to write into; default: the one Grafana reads")
    out = parser.parse_args(arguments).out
    out.mkdir(parents=True, exist_ok=True)
    for language in LANGUAGES:
        text = JSONEncoder(sort_keys=True, indent=2, ensure_ascii=False).encode(park.build(language))
        (out / f"park.{language}.json").write_text(text + "\n", "utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
