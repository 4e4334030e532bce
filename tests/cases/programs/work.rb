# Does a few things that have marks, each a known number of times.
class Foo; end
200.times { Foo.new }
20.times { GC.start }
1000.times { Random.bytes(137) }
sleep 0.06
sleep 0
