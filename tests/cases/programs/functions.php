<?php
// Calls functions a known number of times.
class A { function hello() { return 1; } }
function fib($n) { return $n < 2 ? $n : fib($n - 1) + fib($n - 2); }
function inc($n) { return $n + 1; }
function thrower() { throw new Exception("told"); }
fib(5);
(new A)->hello();
inc(1);
try { thrower(); } catch (Exception $e) { }
