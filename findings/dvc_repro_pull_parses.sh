#!/usr/bin/env bash
# `dvc repro --pull` (DVC 3.67.1) pulls each dependency that is not here by itself, and reads dvc.lock anew five times for each.
# So a clean clone of a pipeline with a long dvc.lock waits for that and not for the network: where our stages find 23 files
# missing, half a minute. `dvc pull` with all of them as its targets reads it twice for each. Seen, of a stage that reads so many
# files of another:
# 2 missing: repro --pull reads dvc.lock 12 times, pull with all as targets 8 | 8 missing: 42, 20
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --disable-pip-version-check dvc==3.67.1
cat > "$work/counted.py" <<'PYTHON'
import sys

from dvc import dvcfile
from dvc.cli import main

times = 0
load = dvcfile.Lockfile._load


def counted(self, *arguments, **options):
    global times
    times += 1
    return load(self, *arguments, **options)


dvcfile.Lockfile._load = counted
code = main(sys.argv[1:])
print(times if code == 0 else f"failed: {code}")
PYTHON
cat > "$work/make.sh" <<'SHELL'
set -euo pipefail
count=$1 folder=$2
mkdir "$folder" && cd "$folder"
git init --quiet
dvc init --quiet
dvc config core.analytics false
dvc remote add --quiet --default storage "$folder.storage"
files=$(seq -f "%g.txt" "$count")
{
    printf 'stages:\n  write:\n    cmd: for n in %s; do echo $n > $n; done\n    outs:\n' "$(echo $files)"
    printf '      - %s\n' $files
    printf '  read:\n    cmd: cat %s > all.txt\n    params: [seed]\n    outs: [all.txt]\n    deps:\n' "$(echo $files)"
    printf '      - %s\n' $files
} > dvc.yaml
echo "seed: 1" > params.yaml
dvc repro --quiet
dvc push --quiet
rm -r .dvc/cache all.txt $files
echo "seed: 2" > params.yaml
SHELL
export PATH="$work/venv/bin:$PATH"
seen=()
for count in 2 8; do
    for way in repro pull; do
        bash "$work/make.sh" "$count" "$work/$way$count" > /dev/null
        cd "$work/$way$count"
        if [ "$way" = repro ]; then targets="--allow-missing --pull"; else targets=$(seq -f "%g.txt" "$count"); fi
        seen+=("$(python "$work/counted.py" "$way" --quiet $targets 2> /dev/null | tail -1)")
    done
done
echo "2 missing: repro --pull reads dvc.lock ${seen[0]} times, pull with all as targets ${seen[1]} | 8 missing: ${seen[2]}, ${seen[3]}"
[ "${seen[*]}" = "12 8 42 20" ]
