//! The operations, by subject; one method each.

mod arith;
mod call;
mod context;
mod control;
mod event;
mod memory;
