# count_marks.sh SCRIPT OPTIONS…: a `marks` that waits is traced with the script, then it passes its marks seven times and another one five
# times. `PID` in the options is the process that waits.
script=$1
shift
mkfifo go
./marks 7 wait < go &
marks=$!
exec 3> go
options=$(echo "$@" | sed "s/PID/$marks/")
rbtrace -q $options -e 'begin { printf("up\n"); }'" $script" > counted 3>&- &
tracer=$!
while kill -0 $tracer && ! grep -q up counted; do sleep 0.1; done
./marks 5 3>&-
exec 3>&-
# It says by its exit code whether it was told that somebody watches.
wait $marks
echo "exit code $?"
# With -p the tracer ends with the process.
kill -INT $tracer 2> /dev/null
wait $tracer
grep @ counted
rm go counted
