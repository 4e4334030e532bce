# requests.sh DIRECTORY N: the web server is asked N times, fifty at a time.
programs=$(dirname "$(realpath "$0")")
cd "$1"
head -c 4321 /dev/zero > file
ruby "$programs/requests.rb" ./marks_library file > port &
server=$!
until [ -s port ]; do
  kill -0 $server || exit 1
  sleep 0.1
done
ab -q -c 50 -n "$2" "http://127.0.0.1:$(cat port)/" > said
kill $server
wait $server
grep -E '^(Complete|Failed) requests:' said
