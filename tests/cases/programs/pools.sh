# pools.sh DIRECTORY: a master of PHP with two pools of one worker each. One is asked seven times and has a new worker after every third answer,
# the other five times, a new one after every second.
script=$(dirname "$(realpath "$0")")/functions.php
cd "$1"
pool() {
  printf '[%s]\nuser = root\ngroup = root\nlisten = %s\npm = static\npm.max_children = 1\npm.max_requests = %s\n' "$1" "$PWD/$1.socket" "$2"
}
{ printf '[global]\nerror_log = %s\n' "$PWD/log"; pool one 3; pool other 2; } > pools.conf
for php in /usr/sbin/php-fpm*; do :; done
$php --no-php-ini --allow-to-run-as-root --nodaemonize --fpm-config pools.conf &
master=$!
until [ -S one.socket ] && [ -S other.socket ]; do
  kill -0 $master || { cat log; exit 1; }
  sleep 0.1
done
ask() {
  for _ in $(seq "$2"); do
    SCRIPT_FILENAME=$script REQUEST_METHOD=GET cgi-fcgi -bind -connect "$1.socket" > answer || { cat answer log; exit 1; }
  done
}
ask one 7
ask other 5
kill -QUIT $master
wait $master
