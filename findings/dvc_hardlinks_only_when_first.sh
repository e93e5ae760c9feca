#!/usr/bin/env bash
# DVC 3.67.1 takes what a stage wrote into its cache by a hard link only where `hardlink` is the first of cache.type. With
# `reflink,hardlink,copy`, whose second is meant for file systems that know no reflinks, it copies there, and links the output to
# the copy. So a file that has another name elsewhere, as our shards have in a cache of their own, is on the disk twice. Seen on
# ext4, of an output that is a hard link to a file in a folder beside it:
# hardlink,copy: one file | reflink,hardlink,copy: two files
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --disable-pip-version-check dvc==3.67.1
export PATH="$work/venv/bin:$PATH"
seen=()
for types in hardlink,copy reflink,hardlink,copy; do
    mkdir "$work/$types"
    cd "$work/$types"
    git init --quiet
    dvc init --quiet
    dvc config core.analytics false
    dvc config cache.type "$types"
    mkdir kept
    head -c 1000000 /dev/zero > kept/shard
    printf 'stages:\n  link:\n    cmd: ln kept/shard shard\n    outs: [shard]\n' > dvc.yaml
    dvc repro --quiet
    object=$(find .dvc/cache/files -type f)
    if [ "$(stat -c %i kept/shard)" = "$(stat -c %i "$object")" ]; then seen+=("one file"); else seen+=("two files"); fi
done
echo "hardlink,copy: ${seen[0]} | reflink,hardlink,copy: ${seen[1]}"
[ "${seen[*]}" = "one file two files" ]
