//! Small programs, compiled, loaded and run in the running kernel, and run in the interpreter: loops, memory, events, maps.
//! Without root or BPF only the interpreter runs them, and says so.

mod kernel;
mod programs;

use programs::{add, bounded, bump, call, emit, function, global, map, program, repeat, run, set, show, show_value, shown, single};
use rbtrace_codegen::Target;
use rbtrace_ir::{Bin, Cmp, Constant, ConstantId, Helper, LoopKind, LossId, MapId, Op, Operand, Storage, Type};

#[test]
fn counts_and_emits() {
    let program = single(vec![map("n", Storage::PerCpuGlobal, None, Type::U64)], |b| {
        let two = b.int(2);
        add(b, 0, two);
        let argument = b.value(Op::LoadCtx { bytes: 8, signed: false, offset: 8 });
        emit(b, 3, 12, |b, payload| {
            b.store(8, payload, 0, argument);
            b.store(4, payload, 8, two);
        });
    });
    let outcome = run("counts_and_emits", &program, &[1, 0x1122_3344_5566_7788]);
    assert_eq!(outcome.maps[0][&vec![0; 4]], 2u64.to_le_bytes());
    assert_eq!(outcome.events, [(3, vec![0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11, 2, 0, 0, 0])]);
}

#[test]
fn a_full_ring_buffer_is_counted() {
    let program = single(vec![], |b| {
        repeat(b, 100, None, |b| emit(b, 0, 1016, |b, payload| b.push(Op::Zero { addr: payload, bytes: 1016 })));
    });
    if kernel::available("a_full_ring_buffer_is_counted") {
        let outcome = kernel::run(&program, &[], Target::default());
        assert_eq!(outcome.events.len() as u64 + outcome.losses[0], 100);
        assert!(outcome.losses[0] > 30, "{:?}", outcome.losses);
    }
}

#[test]
fn loops_break_and_continue() {
    let program = single(vec![], |b| {
        let (i, sum) = (b.scalar("$i"), b.scalar("$sum"));
        set(b, sum, 0);
        repeat(b, 1_000_000, Some(i), |b| {
            let at = b.value(Op::Get(i));
            let enough = b.cmp_int(Cmp::UGe, at, 1000);
            b.if_else(enough, |b| b.push(Op::Break), |_| {});
            let odd = b.bin_int(Bin::And, at, 1);
            b.if_else(odd, |b| b.push(Op::Continue), |_| {});
            bump(b, sum, 1);
        });
        show(b, sum);
    });
    assert_eq!(shown(&run("loops_break_and_continue", &program, &[])), [500]);
}

#[test]
fn returns_from_nested_loops() {
    let program = single(vec![global("n")], |b| {
        let (i, j) = (b.scalar("$i"), b.scalar("$j"));
        repeat(b, 10, Some(i), |b| {
            repeat(b, 10, Some(j), |b| {
                let one = b.int(1);
                add(b, 0, one);
                let (x, y) = (b.value(Op::Get(i)), b.value(Op::Get(j)));
                let product = b.bin(Bin::Mul, x, y);
                let found = b.cmp_int(Cmp::Eq, product, 12);
                bounded(b, 3, None, |b| b.push(Op::Continue));
                b.if_else(found, |b| b.push(Op::Return(42)), |_| {});
            });
        });
        let thousand = b.int(1000);
        add(b, 0, thousand);
    });
    let outcome = run("returns_from_nested_loops", &program, &[]);
    assert_eq!(outcome.returned, 42);
    assert_eq!(outcome.maps[0][&vec![0; 4]][..8], 27u64.to_le_bytes());
}

#[test]
fn three_nested_loops_keep_their_variables() {
    let program = single(vec![], |b| {
        let slots = [b.scalar("$a"), b.scalar("$b"), b.scalar("$c")];
        let sum = b.scalar("$sum");
        set(b, sum, 0);
        repeat(b, 7, Some(slots[0]), |b| {
            repeat(b, 11, Some(slots[1]), |b| {
                repeat(b, 13, Some(slots[2]), |b| {
                    let weight = b.value(Op::LoadCtx { bytes: 8, signed: false, offset: 16 });
                    let old = b.value(Op::Get(sum));
                    let new = b.bin(Bin::Add, old, weight);
                    b.push(Op::Set(sum, new));
                });
            });
        });
        show(b, sum);
    });
    assert_eq!(shown(&run("three_nested_loops_keep_their_variables", &program, &[0, 0, 3])), [7 * 11 * 13 * 3]);
}

/// Kernels drop the body of such a loop and then look for it: "No program to jit".
#[test]
fn loops_of_no_round() {
    let program = single(vec![], |b| {
        let x = b.scalar("$x");
        set(b, x, 5);
        repeat(b, 0, None, |b| set(b, x, 6));
        let word = b.value(Op::LoadCtx { bytes: 8, signed: false, offset: 0 });
        let none = b.bin_int(Bin::And, word, 0);
        let body = programs::region(b, |b| set(b, x, 7));
        b.push(Op::Loop { kind: LoopKind::Repeat { times: none, index: None }, body });
        show(b, x);
    });
    assert_eq!(shown(&run("loops_of_no_round", &program, &[3])), [5]);
}

#[test]
fn maps_are_walked() {
    let key = Type::Tuple(vec![Type::U32, Type::String(13)]);
    let program =
        single(vec![map("h", Storage::Hash, Some(key), Type::U64), map("p", Storage::PerCpuHash, Some(Type::U64), Type::U64)], |b| {
            let (key, value, i, sum) = (b.memory("key", 20), b.memory("value", 8), b.scalar("$i"), b.scalar("$sum"));
            set(b, sum, 0);
            bounded(b, 20, Some(i), |b| {
                let (key, value) = (b.slot_addr(key), b.slot_addr(value));
                b.push(Op::Zero { addr: key, bytes: 20 });
                let at = b.value(Op::Get(i));
                b.store(4, key, 0, at);
                b.store(1, key, 16, at);
                b.store(8, value, 0, at);
                b.update(MapId(0), key, value, 0);
            });
            b.open();
            let (k, v) = (b.slot_addr(key), b.slot_addr(value));
            let (first, second, entry) = (b.load(4, false, k, 0), b.load(1, false, k, 16), b.load(8, false, v, 0));
            let total = b.bin(Bin::Add, first, second);
            let total = b.bin(Bin::Add, total, entry);
            let old = b.value(Op::Get(sum));
            let new = b.bin(Bin::Add, old, total);
            b.push(Op::Set(sum, new));
            let body = b.close();
            b.push(Op::Loop { kind: LoopKind::ForEach { map: MapId(0), key, value: Some(value) }, body });
            show(b, sum);
        });
    assert_eq!(shown(&run("maps_are_walked", &program, &[])), [3 * 190]);
}

/// The process that runs the program is this one: it has memory where this function is, none at the first page, and the kernel may be asked from
/// within another callback.
#[test]
fn the_kernel_finds_memory() {
    let here = the_kernel_finds_memory as fn() as usize as i64;
    let program = single(vec![], |b| {
        let (found, area) = (b.scalar("$found"), b.scalar("area"));
        set(b, found, 0);
        for (place, adds) in [(0, 100), (here, 1)] {
            repeat(b, 1, None, |b| {
                let at = b.int(place);
                let body = programs::region(b, |b| {
                    let area = b.value(Op::Get(area));
                    let some = b.cmp_int(Cmp::Ne, area, 0);
                    b.if_else(some, |b| bump(b, found, adds), |_| {});
                });
                b.push(Op::Loop { kind: LoopKind::Memory { at, area }, body });
            });
        }
        show(b, found);
    });
    // The interpreter has no process.
    if kernel::available("the_kernel_finds_memory") {
        assert_eq!(shown(&kernel::run(&program, &[], Target::default())), [1]);
    }
}

#[test]
fn deleting_while_walking_and_returning() {
    let program = single(vec![map("h", Storage::Hash, Some(Type::U64), Type::U64)], |b| {
        let (key, value, i, seen) = (b.memory("key", 8), b.memory("value", 8), b.scalar("$i"), b.scalar("$seen"));
        set(b, seen, 0);
        repeat(b, 10, Some(i), |b| {
            let (key, value) = (b.slot_addr(key), b.slot_addr(value));
            let at = b.value(Op::Get(i));
            b.store(8, key, 0, at);
            b.store(8, value, 0, at);
            b.update(MapId(0), key, value, 0);
        });
        b.open();
        let k = b.slot_addr(key);
        call(b, Helper::MapDelete, &[Operand::Map(MapId(0)), Operand::Value(k)]);
        bump(b, seen, 1);
        let count = b.value(Op::Get(seen));
        let enough = b.cmp_int(Cmp::Eq, count, 4);
        b.if_else(enough, |b| b.push(Op::Return(9)), |_| {});
        let body = b.close();
        b.push(Op::Loop { kind: LoopKind::ForEach { map: MapId(0), key, value: None }, body });
    });
    if kernel::available("deleting_while_walking_and_returning") {
        let outcome = kernel::run(&program, &[], Target::default());
        assert_eq!((outcome.returned, outcome.maps[0].len()), (9, 6));
    }
}

#[test]
fn full_maps_are_counted() {
    let program = single(vec![map("h", Storage::Hash, Some(Type::U64), Type::U64)], |b| {
        let (key, i) = (b.memory("key", 8), b.scalar("$i"));
        repeat(b, 100, Some(i), |b| {
            let key = b.slot_addr(key);
            let at = b.value(Op::Get(i));
            b.store(8, key, 0, at);
            let answer = b.update(MapId(0), key, key, 0);
            let full = b.cmp_int(Cmp::Ne, answer, 0);
            b.if_else(full, |b| b.push(Op::Loss(LossId(1))), |_| {});
        });
    });
    assert_eq!(run("full_maps_are_counted", &program, &[]).losses, [0, 36]);
}

#[test]
fn large_slots_are_filled_copied_compared() {
    let program = single(vec![], |b| {
        let (a, c, i) = (b.memory("a", 3000), b.memory("c", 3000), b.scalar("$i"));
        let addr = b.slot_addr(a);
        b.push(Op::Zero { addr, bytes: 3000 });
        bounded(b, 3000, Some(i), |b| {
            let addr = b.slot_addr(a);
            let at = b.value(Op::Get(i));
            let byte = b.value(Op::Index { base: addr, index: at, bound: 3000 });
            b.store(1, byte, 0, at);
        });
        let (from, to) = (b.slot_addr(a), b.slot_addr(c));
        b.push(Op::Copy { to, from, bytes: 3000 });
        let same = b.value(Op::MemEq(from, to, 3000));
        show_value(b, same);
        let one = b.int(255);
        b.store(1, to, 2999, one);
        let same = b.value(Op::MemEq(from, to, 3000));
        show_value(b, same);
        let (odd_to, odd_from) = (b.value(Op::Offset(to, 3)), b.value(Op::Offset(from, 1)));
        b.push(Op::Copy { to: odd_to, from: odd_from, bytes: 2001 });
        emit(b, 1, 3000, |b, payload| b.push(Op::Copy { to: payload, from: to, bytes: 3000 }));
    });
    let outcome = run("large_slots_are_filled_copied_compared", &program, &[]);
    assert_eq!(shown(&outcome)[..2], [1, 0]);
}

#[test]
fn slots_outgrow_one_entry_of_scratch() {
    let program = single(vec![], |b| {
        let slots: Vec<_> = (0..14).map(|at| b.memory(&format!("s{at}"), 8000)).collect();
        for (at, &slot) in slots.iter().enumerate() {
            let addr = b.slot_addr(slot);
            let number = b.int(at as i64);
            b.store(8, addr, 7992, number);
        }
        repeat(b, 2, None, |b| {
            for &slot in &slots {
                let addr = b.slot_addr(slot);
                let last = b.load(8, false, addr, 7992);
                show_value(b, last);
            }
        });
    });
    let expected: Vec<_> = (0..14).chain(0..14).collect();
    assert_eq!(shown(&run("slots_outgrow_one_entry_of_scratch", &program, &[])), expected);
}

#[test]
fn areas_of_32_kib() {
    let program = single(vec![], |b| {
        let (a, c) = (b.memory("a", 32 << 10), b.memory("c", 32 << 10));
        let (a, c) = (b.slot_addr(a), b.slot_addr(c));
        b.push(Op::Zero { addr: a, bytes: 32 << 10 });
        let last = b.int(77);
        b.store(1, a, (32 << 10) - 1, last);
        b.push(Op::Copy { to: c, from: a, bytes: 32 << 10 });
        let same = b.value(Op::MemEq(a, c, 32 << 10));
        show_value(b, same);
        let byte = b.load(1, false, c, (32 << 10) - 1);
        show_value(b, byte);
    });
    assert_eq!(shown(&run("areas_of_32_kib", &program, &[])), [1, 77]);
}

#[test]
fn forty_variables() {
    let program = single(vec![], |b| {
        let slots: Vec<_> = (0..40).map(|at| b.scalar(&format!("$x{at}"))).collect();
        for (at, &slot) in slots.iter().enumerate() {
            let word = b.value(Op::LoadCtx { bytes: 8, signed: false, offset: at as u32 % 8 * 8 });
            let value = b.bin_int(Bin::Mul, word, at as i64);
            b.push(Op::Set(slot, value));
        }
        call(b, Helper::KtimeNs, &[]);
        for &slot in slots.iter().rev() {
            show(b, slot);
        }
    });
    let shown = shown(&run("forty_variables", &program, &[1, 2, 3, 4, 5, 6, 7, 8]));
    assert_eq!(shown[..2], [39 * 8, 38 * 7]);
}

/// 200 values alive at once, more than LLVM has room for on the stack.
#[test]
fn deep_temporaries() {
    let program = single(vec![], |b| {
        let scratch = b.memory("m", 8);
        let mut values = Vec::new();
        for at in 0..200 {
            let word = b.value(Op::LoadCtx { bytes: 8, signed: false, offset: at % 8 * 8 });
            values.push(b.bin_int(Bin::Xor, word, i64::from(at) * 7919));
        }
        // A call that might change anything, so that the values cannot be computed late.
        let addr = b.slot_addr(scratch);
        call(b, Helper::CurrentComm, &[Operand::Value(addr), Operand::Int(8)]);
        let zero = b.int(0);
        let sum = values.into_iter().rev().fold(zero, |sum, value| {
            let sum = b.bin_int(Bin::Mul, sum, 31);
            b.bin(Bin::Add, sum, value)
        });
        show_value(b, sum);
    });
    run("deep_temporaries", &program, &[11, 22, 33, 44, 55, 66, 77, 88]);
}

#[test]
fn deep_temporaries_within_loops() {
    let program = single(vec![], |b| {
        let (i, key) = (b.scalar("$i"), b.memory("key", 16));
        repeat(b, 3, Some(i), |b| {
            repeat(b, 3, None, |b| {
                let at = b.value(Op::Get(i));
                let addr = b.slot_addr(key);
                let mut values = Vec::new();
                for number in 0..100 {
                    let word = b.value(Op::LoadCtx { bytes: 8, signed: false, offset: number % 8 * 8 });
                    let value = b.bin_int(Bin::Mul, word, i64::from(number));
                    b.store(8, addr, 8, value);
                    let again = b.load(8, true, addr, 8);
                    values.push(b.bin(Bin::Sub, again, at));
                }
                call(b, Helper::CurrentComm, &[Operand::Value(addr), Operand::Int(16)]);
                let zero = b.int(0);
                let sum = values.into_iter().rev().fold(zero, |sum, value| {
                    let sum = b.bin_int(Bin::Mul, sum, 31);
                    b.bin(Bin::Xor, sum, value)
                });
                show_value(b, sum);
            });
        });
    });
    run("deep_temporaries_within_loops", &program, &[11, 22, 33, 44, 55, 66, 77, 88]);
}

#[test]
fn odd_offsets() {
    let program = single(vec![], |b| {
        for size in [40, 200] {
            let slot = b.memory("m", size);
            let addr = b.slot_addr(slot);
            b.push(Op::Zero { addr, bytes: size });
            let word = b.value(Op::LoadCtx { bytes: 8, signed: false, offset: 0 });
            for (bytes, offset) in [(8, 1), (4, 9), (2, 13), (1, 15), (8, 20)] {
                b.store(bytes, addr, offset, word);
                let back = b.load(bytes, true, addr, offset);
                show_value(b, back);
            }
            let odd = b.value(Op::Offset(addr, 5));
            let even = b.value(Op::Offset(addr, 26));
            b.push(Op::Copy { to: even, from: odd, bytes: 13 });
            let same = b.value(Op::MemEq(odd, even, 13));
            show_value(b, same);
            emit(b, 2, 40, |b, payload| b.push(Op::Copy { to: payload, from: addr, bytes: 40 }));
        }
    });
    run("odd_offsets", &program, &[0x8182_8384_8586_8788]);
}

#[test]
fn context_words_in_parts() {
    let program = single(vec![], |b| {
        for (bytes, signed, offset) in [(4, true, 0), (4, false, 4), (2, true, 6), (1, true, 3), (1, false, 15), (8, true, 8)] {
            let part = b.value(Op::LoadCtx { bytes, signed, offset });
            show_value(b, part);
        }
    });
    let outcome = run("context_words_in_parts", &program, &[0x8182_8384_8586_8788, 0x7172_7374_7576_7778]);
    assert_eq!(shown(&outcome)[..2], [0x8586_8788u32 as i32 as i64, 0x8182_8384]);
}

#[test]
fn clamped_sizes_go_to_helpers() {
    let mut program = single(vec![], |b| {
        let (slot, i) = (b.memory("m", 100), b.scalar("$i"));
        let addr = b.slot_addr(slot);
        b.push(Op::Zero { addr, bytes: 100 });
        repeat(b, 5, Some(i), |b| {
            let addr = b.slot_addr(slot);
            let at = b.value(Op::Get(i));
            let wanted = b.bin_int(Bin::Mul, at, 37);
            let size = b.value(Op::Clamp(wanted, 64));
            let from = b.const_addr(ConstantId(0));
            let to = b.value(Op::Index { base: addr, index: at, bound: 36 });
            call(b, Helper::ProbeReadKernel, &[Operand::Value(to), Operand::Value(size), Operand::Value(from)]);
        });
        emit(b, 0, 100, |b, payload| b.push(Op::Copy { to: payload, from: addr, bytes: 100 }));
    });
    program.constants.push(Constant { bytes: (0..64).map(|byte| byte * 3).collect() });
    run("clamped_sizes_go_to_helpers", &program, &[]);
}

#[test]
fn switches_take_the_right_case() {
    let program = single(vec![], |b| {
        let i = b.scalar("$i");
        repeat(b, 8, Some(i), |b| {
            let at = b.value(Op::Get(i));
            let mut case = |number: i64| {
                programs::region(b, |b| {
                    let value = b.int(number);
                    show_value(b, value);
                })
            };
            let cases = vec![(vec![1, 3], case(13)), (vec![2], case(2)), (vec![7], case(7))];
            let default = case(-1);
            b.push(Op::Switch { value: at, cases, default });
        });
    });
    assert_eq!(shown(&run("switches_take_the_right_case", &program, &[])), [-1, 13, 2, 13, -1, -1, -1, 7]);
}

/// One program for all syscalls: no jump table, for BPF has none.
#[test]
fn a_switch_over_hundreds_of_keys() {
    let program = single(vec![], |b| {
        let answer = b.scalar("$answer");
        let number = b.value(Op::LoadCtx { bytes: 8, signed: true, offset: 8 });
        let cases = (0..400).map(|key| (vec![key], programs::region(b, |b| set(b, answer, key as i64 * 7 + 1)))).collect();
        let default = programs::region(b, |b| set(b, answer, -1));
        b.push(Op::Switch { value: number, cases, default });
        show(b, answer);
    });
    assert_eq!(shown(&run("a_switch_over_hundreds_of_keys", &program, &[0, 257])), [1800]);
    assert_eq!(shown(&run("a_switch_over_hundreds_of_keys", &program, &[0, u64::MAX])), [-1]);
}

#[test]
fn atomic_adds() {
    let program = single(vec![global("n")], |b| {
        repeat(b, 1000, None, |b| {
            let entry = b.value(Op::Global(MapId(0)));
            let null = b.value(Op::IsNull(entry));
            b.if_else(null, |b| b.push(Op::Return(1)), |_| {});
            let three = b.int(3);
            b.push(Op::AtomicAdd { addr: entry, offset: 8, value: three });
        });
    });
    let outcome = run("atomic_adds", &program, &[]);
    assert_eq!(outcome.maps[0][&vec![0; 4]][8..], 3000u64.to_le_bytes());
}

#[test]
fn programs_do_not_share_scratch_memory() {
    let write = |name: &str, number: i64| {
        function(name, |b| {
            let slot = b.memory("m", 4000);
            let addr = b.slot_addr(slot);
            let value = b.int(number);
            for at in 0..8 {
                b.store(8, addr, at * 496, value);
            }
        })
    };
    let read = function("third", |b| {
        let slot = b.memory("m", 4000);
        let addr = b.slot_addr(slot);
        let value = b.int(5);
        b.store(8, addr, 0, value);
        let back = b.load(8, false, addr, 0);
        show_value(b, back);
    });
    let program = program(vec![write("first", 1), write("second", 2), read], vec![]);
    assert_eq!(shown(&run("programs_do_not_share_scratch_memory", &program, &[])), [5]);
}

#[test]
fn scalar_maps_need_no_call() {
    if kernel::available("scalar_maps_need_no_call") {
        let count = |b: &mut rbtrace_ir::Builder| {
            let one = b.int(1);
            add(b, 0, one);
        };
        assert_eq!(kernel::calls_left(&program(vec![function("inlined_array", count)], vec![global("n")])), 0);
    }
}
