# count_inside.sh SCRIPT: in a mount namespace of its own, where `tool` is what `marks` is elsewhere, a process waits; it is traced by -p with
# the script, and passes its marks seven times.
mkfifo go
unshare -m sh -c 'mount --bind marks tool && exec ./tool 7 wait' < go &
process=$!
exec 3> go
# Until it has become what is traced.
while ! grep -q tool /proc/$process/comm; do sleep 0.1; done
rbtrace -q -p $process -e 'begin { printf("up\n"); }'" $1" > counted 3>&- &
tracer=$!
while kill -0 $tracer && ! grep -q up counted; do sleep 0.1; done
exec 3>&-
wait $process
wait $tracer
grep @ counted
rm go counted
