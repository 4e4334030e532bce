# Strips a program as distributions do that leave the names of its local functions in it: `pack_names.sh PROGRAM`.
set -e
nm -P --defined-only "$1" | awk '$2 == "T" || $2 == "t" { print $1 }' | sort > kept_names
objcopy --only-keep-debug "$1" names
objcopy -S --remove-section .gdb_index --remove-section .comment --keep-symbols=kept_names names
xz -f names
strip "$1"
objcopy --add-section .gnu_debugdata=names.xz "$1"
