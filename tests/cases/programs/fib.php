<?php
// Calls one function 242,785 times.
function fib($n) { return $n < 2 ? $n : fib($n - 1) + fib($n - 2); }
fib(25);
