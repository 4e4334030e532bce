//! `Facts` from a text: a machine that tests can write down.
