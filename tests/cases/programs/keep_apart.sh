# Strips a program and keeps what it loses in a debug file: `keep_apart.sh PROGRAM DIRECTORY` by the program's build id, `keep_apart.sh PROGRAM` below
# `.debug` beside it, by the name that the program then gives it. `STRIP="strip -g"` leaves names in it.
set -e
objcopy --only-keep-debug "$1" "$1.debug"
${STRIP:-strip} "$1"
if [ -n "$2" ]; then
    id=$(readelf -n "$1" | sed -n 's/.*Build ID: //p')
    directory=$2/.build-id/$(echo "$id" | cut -c1-2)
    mkdir -p "$directory"
    mv "$1.debug" "$directory/$(echo "$id" | cut -c3-).debug"
else
    mkdir -p .debug
    objcopy --add-gnu-debuglink="$1.debug" "$1"
    mv "$1.debug" .debug
fi
