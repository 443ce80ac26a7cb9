#!/bin/sh
# Installs the gateway agent from this folder, without internet. It needs Python 3.11 or newer with its module venv.
#
#   sudo sh install.sh                 agent, user, folders, configuration to fill in, systemd units
#   sh install.sh --only-agent FOLDER  only the agent, in FOLDER
#
# 从本文件夹安装网关程序，不需要互联网；需要 Python 3.11 或更新版本及其 venv 模块。
set -eu
umask 022
here=$(cd "$(dirname "$0")" && pwd)
folder=/opt/parkgrid
whole=yes
if [ "${1:-}" = --only-agent ]; then
    folder=${2:?--only-agent needs a folder}
    whole=no
elif [ $# -gt 0 ]; then
    sed -n '2,7s/^# \{0,1\}//p' "$0" >&2
    exit 2
elif [ "$(id -u)" != 0 ]; then
    echo "install.sh writes to /opt, /etc and /var/lib: run it as root" >&2
    exit 2
fi
python=${PYTHON:-python3}

# Every file is compared with the manifest, which says for what it is meant.
release=$("$python" -I - "$here" "$folder" <<'PYTHON'
import hashlib
import json
import os
import pathlib
import sys

here, folder = map(pathlib.Path, sys.argv[1:])
if sys.version_info < (3, 11):
    sys.exit(f"this is Python {sys.version.split()[0]}; 3.11 or newer is needed: name another by PYTHON=")
text = (here / "manifest.json").read_bytes()
manifest = json.loads(text)
machine = os.uname().machine
if machine in ("aarch64", "armv8l") and sys.maxsize < 2**32:
    machine = "armv7l"
if machine != manifest["machine"]:
    sys.exit(f"this bundle is for {manifest['machine']}; this machine is {machine}: take the other one")
for name, digest in manifest["files"].items():
    path = here / name
    if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != digest:
        sys.exit(f"{name} is missing or not as in manifest.json: copy the bundle again")
if os.path.lexists(folder / "current"):
    sys.exit(f"{folder} has an agent already: change it by `parkgrid-edge update ARCHIVE`")
print(f"{manifest['version']}-{hashlib.sha256(text).hexdigest()[:12]}")
PYTHON
)

target=$folder/releases/$release
rm -rf "$target"
mkdir -p "$folder/releases"
"$python" -I -m venv "$target" || {
    rm -rf "$target"
    echo "no environment could be made: install the system's package python3-venv" >&2
    exit 1
}
env PIP_CONFIG_FILE=/dev/null "$target/bin/python" -I -m pip --isolated --disable-pip-version-check install --quiet \
    --no-cache-dir --no-index --only-binary=:all: --find-links "$here/wheels" --require-hashes --requirement "$here/requirements.txt"
"$target/bin/parkgrid-edge" --help >/dev/null
cp "$here/manifest.json" "$target/release.json"
sync
ln -sfn "releases/$release" "$folder/previous"
ln -sn "releases/$release" "$folder/current"
sync
echo "installed: $folder/current/bin/parkgrid-edge"
[ "$whole" = yes ] || exit 0

getent passwd parkgrid >/dev/null || useradd --system --home-dir /nonexistent --shell /usr/sbin/nologin parkgrid
install -d -m 0750 -o root -g parkgrid /etc/parkgrid
install -d -m 0750 -o parkgrid -g parkgrid /var/lib/parkgrid
[ -e /etc/parkgrid/edge.toml ] || install -m 0640 -o root -g parkgrid "$here/edge.toml" /etc/parkgrid/edge.toml
for unit in parkgrid-edge.service parkgrid-edge-trial.service parkgrid-edge-trial.path; do
    install -m 0644 "$here/$unit" "/etc/systemd/system/$unit"
done
if [ -d /run/systemd/system ]; then
    systemctl daemon-reload
    systemctl enable --quiet parkgrid-edge.service parkgrid-edge-trial.path
    systemctl start parkgrid-edge-trial.path
fi
echo "now fill in /etc/parkgrid/edge.toml, check it with"
echo "  $folder/current/bin/parkgrid-edge --config /etc/parkgrid/edge.toml --check"
echo "and start the agent: systemctl start parkgrid-edge"
