"""A pure function of the page's sources, called as it is by the node that builds the page."""

import json
import subprocess
from typing import Any

from tests.web.build_hook import ROOT, hook

_CALL = """
import { readFileSync } from "node:fs";
import { registerHooks } from "node:module";
// The page's bundler needs no endings of files, node does.
registerHooks({
  resolve: (name, context, next) => next(/^[.].*[/][a-z_]+$/.test(name) ? `${name}.ts` : name, context),
});
const [file, name] = process.argv.slice(1);
const { [name]: called } = await import(file);
console.log(JSON.stringify(called(...JSON.parse(readFileSync(0, "utf8")))));
"""


def call(file: str, name: str, *given: object) -> Any:
    """The answer of one exported function of `api/parkgrid_api/web/src`."""
    node, _ = hook.node_and_npm()
    path = (ROOT / "api" / "parkgrid_api" / "web" / "src" / file).as_uri()
    command = [node, "--input-type=module", "--eval", _CALL, path, name]
    done = subprocess.run(command, input=json.dumps(given), capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
