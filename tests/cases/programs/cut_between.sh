# A library is cut short between two names that a tracer looks for in it.
mkfifo go
./two_names ./library.so < go &
process=$!
exec 3> go
rbtrace -q -p $process -e 'begin { printf("up\n"); } tracepoint:syscalls:sys_enter_chdir { printf("at %s\n", usym(args.filename)); }' \
  > named 2> said 3>&- &
tracer=$!
while kill -0 $tracer && ! grep -q up named; do sleep 0.1; done
echo >&3
while kill -0 $tracer && ! grep -q first named; do sleep 0.1; done
: > library.so
echo >&3
exec 3>&-
wait $process
wait $tracer
echo "rbtrace ended with $?"
grep -c at named
cat said
