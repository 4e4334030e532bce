# kill_when_stopped.sh: a process is traced that stops whenever it hands a function new memory, and who traces it is killed in the first system
# call after it stopped. Ends with what the process ends with. (Old kernels run no program where a program sends a signal, only where it arrives.)
mkfifo go
sh -c 'exec ./handed 16 50 wait' < go &
process=$!
exec 3> go
while grep -qx sh /proc/$process/comm; do sleep 0.1; done
ln -s "$(command -v rbtrace)" victim
rbtrace -q --unsafe -e 'begin { printf("up\n"); }
  tracepoint:signal:signal_generate /args.sig == 19 && args.comm == "handed"/ { @stopped = 1; }
  tracepoint:signal:signal_deliver /args.sig == 19 && comm == "handed"/ { @stopped = 1; }
  tracepoint:raw_syscalls:sys_enter /comm == "victim" && @stopped/ { signal("KILL"); printf("killed\n"); exit(); }
  end { clear(@stopped); }' > observed 3>&- &
observer=$!
while kill -0 $observer && ! grep -q up observed; do sleep 0.1; done
./victim -q -p $process -e 'begin { printf("up\n"); } watchpoint:store+arg1:8:w { @ = count(); }' > traced 3>&- &
victim=$!
while kill -0 $victim && ! grep -q up traced; do sleep 0.1; done
exec 3>&-
wait $observer
grep killed observed
wait $victim
echo "the tracer: $?"
wait $process || exit
rm victim go observed traced
