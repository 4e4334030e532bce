# trace_by_number.sh PROGRAM SCRIPT: where processes have numbers of their own, the program waits; it is traced by -p with the script, and goes
# on to its end. PID in the script is the program's number.
mkfifo go
sh -c "exec $1" < go &
process=$!
exec 3> go
# Until it has become what is traced.
while grep -qx 'sh\|chroot' /proc/$process/comm; do sleep 0.1; done
script=$(echo "$2" | sed "s/PID/$process/g")
rbtrace -q -p $process -e 'begin { printf("up\n"); }'" $script" > traced 3>&- &
tracer=$!
while kill -0 $tracer && ! grep -q up traced; do sleep 0.1; done
exec 3>&-
wait $tracer
grep -v '^$\|^up$' traced
kill $process 2> /dev/null
wait $process
rm go traced
