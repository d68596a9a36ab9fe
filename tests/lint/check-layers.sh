#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# check-layers.sh SOURCE_ROOT   Holds every #include of service/, client/ and wire/ against the table of layers.
#
# An include is followed to the file it means, as the compiler would with service/ and the source root on the include
# path, so no spelling ("../store/x.h", <store/x.h>, "service/store/x.h", a symbolic link) gets around the table.
# Prints what breaks the rule, and fails then.
set -eu
cd "${1:?source root}"

# Who may include whom. "top" is what stands in service/ itself: main, daemon, configuration.
allowed_to() { # LAYER
        case $1 in
        util) echo " util " ;;
        core) echo " core util " ;;
        wire) echo " wire " ;;
        store | view | cluster) echo " $1 core util " ;;
        bus) echo " bus core util wire " ;;
        offline) echo " offline store core util " ;; # regent-store, a program of its own
        top) echo " top util core store view cluster bus " ;;
        client) echo " client wire " ;;
        esac
}
# What all of service/ takes from elsewhere; the last two are GLib alone, as core is.
shared='client/regent-names.h client/regent-view.h client/regent-store-stream.h wire/value-parse.h wire/value-size.h'

layer_of() { # PATH below the source root
        case $1 in
        service/*/*) layer=${1#service/}; echo "${layer%%/*}" ;;
        service/*) echo top ;;
        client/*) echo client ;;
        *) echo "${1%%/*}" ;;
        esac
}

# FILE LINE KIND TARGET for every include of FILE…, with continued lines joined and comments taken out first.
list_includes() {
        awk '
        function without_comments(text,    plain, i, c, quote) {
                for (i = 1; i <= length(text); i++) {
                        c = substr(text, i, 1)
                        if (in_comment) {
                                if (substr(text, i, 2) == "*/") { in_comment = 0; plain = plain " "; i++ }
                                continue
                        }
                        if (quote) {
                                if (c == "\\") { plain = plain c; c = substr(text, ++i, 1) }
                                else if (c == quote) quote = ""
                        }
                        else if (substr(text, i, 2) == "//") break
                        else if (substr(text, i, 2) == "/*") { in_comment = 1; i++; continue }
                        else if (c == "\"" || c == "\047") quote = c
                        plain = plain c
                }
                return plain
        }
        function list(text,    part) {
                text = without_comments(text)
                if (!sub(/^[ \t]*(#|%:)[ \t]*(include|include_next|import)[ \t]*/, "", text)) return
                if (split(text, part, "\"") >= 3) print FILENAME, number, "quoted", part[2]
                else if (split(text, part, /[<>]/) >= 3) print FILENAME, number, "angle", part[2]
                else print FILENAME, number, "computed", text
        }
        FNR == 1 { in_comment = 0; held = "" }
        held == "" { number = FNR }
        /\\$/ { held = held substr($0, 1, length($0) - 1); next }
        { list(held $0); held = "" }
        ' "$@"
}

# The path below the source root of the file that an include means; nothing when that is not in the tree.
resolve() { # FILE KIND TARGET
        search='service/ ./'
        [ "$2" = angle ] || search="${1%/*}/ $search"
        case $3 in /*) search=/ ;; esac
        for directory in $search; do
                [ -e "$directory$3" ] || continue
                found=$(readlink -f "$directory$3")
                case $found in "$PWD"/*) echo "${found#"$PWD"/}" ;; esac
                return
        done
}

check_includes() {
        while read -r file line kind target; do
                from=$(layer_of "$file")
                found=$(resolve "$file" "$kind" "$target")
                allowed=$(allowed_to "$from")

                if [ "$kind" = computed ]; then
                        echo "$file:$line: an include must spell out its file"
                elif [ -z "$allowed" ]; then
                        echo "$file:$line: $from is not in the table of layers"
                elif [ -z "$found" ]; then
                        [ "$kind" = angle ] || echo "$file:$line: \"$target\" is not in this tree; others' files take <>"
                else
                        case "$allowed:$from: $shared " in
                        *" $(layer_of "$found") "*:*) ;;
                        *:client:*) echo "$file:$line: client may not include $found" ;;
                        *" $found "*) ;;
                        *) echo "$file:$line: $from may include only$allowed and not $found" ;;
                        esac
                fi
        done
}

cd "$(pwd -P)"
files=$(find service client wire -name '*.[ch]' | sort)
[ -n "$files" ] || { echo "no sources here"; exit 1; }

# shellcheck disable=SC2086 # the tree has no paths with spaces
broken=$(list_includes $files | check_includes)
[ -z "$broken" ] || { echo "$broken"; exit 1; }
