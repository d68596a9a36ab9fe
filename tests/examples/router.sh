#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# A router that keeps its settings in Regent, as a shell script.
set -eu

router=org.example.Router
defaults='{"org.example.Router": {
        "set": {"mtu": {"type": "u", "data": 1500}, "peers": {"type": "as", "data": ["fe80::1", "fe80::2"]}},
        "expect": {"mtu": 0}
}}'

# Several keys in one commit, here only as long as there is no mtu. The exit status 5 is a conflict.
if said=$(regentctl apply --json=short --file=- <<<"$defaults" 2>&1); then
        [[ $said =~ '"changed":'([0-9]+) ]] && echo "defaults written, keys: ${BASH_REMATCH[1]}"
elif [ $? = 5 ]; then
        echo "settings found"
else
        echo "$said" >&2
        exit 1
fi

# The first line says that it watches: from there on no change is missed.
exec {changes}< <(exec regentctl monitor "$router" 2>&1)
monitor=$!
trap 'kill "$monitor"' EXIT
read -r _ <&"$changes"

echo "mtu is $(regentctl get "$router" mtu)"
regentctl set --quiet "$router" status running
while read -r _time _namespace key type_and_value <&"$changes"; do
        case "$key $type_and_value" in
        "mtu u "*) echo "mtu is now ${type_and_value#u }" ;;
        "peers (deleted)") echo "peers: gone" ;;
        "enabled b false") break ;;
        esac
done
