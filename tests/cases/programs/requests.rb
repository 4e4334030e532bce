# A web server for tracers. Every answer is the same and comes after reading a file none to nineteen times, in turn; the mark of the library says
# when work on an answer begins (0) and when it ends (1). Arguments: the library, a file, seconds to sleep for each answer.
require "fiddle"
require "webrick"

library, file, sleeps = ARGV
mark = Fiddle::Function.new(Fiddle.dlopen(File.expand_path(library))["pass"], [Fiddle::TYPE_INT], Fiddle::TYPE_VOID)
turns = Thread::Mutex.new
turn = -1
server = WEBrick::HTTPServer.new(BindAddress: "127.0.0.1", Port: 0, AccessLog: [], Logger: WEBrick::Log.new(File::NULL))
server.mount_proc("/") do |_, answer|
  mark.call(0)
  reads = turns.synchronize { turn = (turn + 1) % 20 }
  reads.times { File.read(file) }
  sleep(sleeps.to_f) if sleeps
  mark.call(1)
  answer.body = "read\n"
end
trap("TERM") { server.shutdown }
puts server.listeners.first.addr[1]
$stdout.flush
server.start
