#!/usr/bin/env bash
# ruamel.yaml 0.19.1 no longer brings its parser in C: what asks for `YAML(typ="safe")` gets one in Python, without a word. DVC 3.67.1
# asks for it, so that a plain `pip install dvc` reads a dvc.lock of 36 kB in 0.25 s in place of 0.05 s; and it reads it again for
# each file that it pulls before a stage. With ruamel.yaml.clib 0.2.15 beside it, the parser in C is back. Seen:
# dvc alone: ruamel.yaml.parser.Parser | with ruamel.yaml.clib: ruamel.yaml.clib._ruamel_yaml.CParser
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
pip=("$work/venv/bin/python" -m pip install --quiet --disable-pip-version-check)
"${pip[@]}" dvc==3.67.1 ruamel.yaml==0.19.1
parser() {
    "$work/venv/bin/python" - <<'PYTHON'
from unittest.mock import patch

from dvc.utils.serialize import parse_yaml
from ruamel.yaml import YAML

with patch.object(YAML, "load", autospec=True, side_effect=lambda yaml, text: yaml.Parser):
    parser = parse_yaml("a: 1", "dvc.lock")
print(f"{parser.__module__}.{parser.__qualname__}")
PYTHON
}
alone=$(parser)
"${pip[@]}" ruamel.yaml.clib==0.2.15
beside=$(parser)
echo "dvc alone: $alone | with ruamel.yaml.clib: $beside"
[ "$alone $beside" = "ruamel.yaml.parser.Parser ruamel.yaml.clib._ruamel_yaml.CParser" ]
