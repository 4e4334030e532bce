//! Keys of older versions that say nothing any more. Scripts with them keep running.

use super::parse;
use crate::row::ConfigKey;

/// `debug_output`
pub static DEBUG_OUTPUT: ConfigKey = retired("debug_output");
/// `max_ast_nodes`
pub static MAX_AST_NODES: ConfigKey = retired("max_ast_nodes");
/// `max_type_res_iterations`
pub static MAX_TYPE_RES_ITERATIONS: ConfigKey = retired("max_type_res_iterations");
/// `node_max`
pub static NODE_MAX: ConfigKey = retired("node_max");
/// `probe_inline`
pub static PROBE_INLINE: ConfigKey = retired("probe_inline");
/// `symbol_source`
pub static SYMBOL_SOURCE: ConfigKey = retired("symbol_source");
/// `unstable_addr`
pub static UNSTABLE_ADDR: ConfigKey = retired("unstable_addr");
/// `unstable_import`
pub static UNSTABLE_IMPORT: ConfigKey = retired("unstable_import");
/// `unstable_macro`
pub static UNSTABLE_MACRO: ConfigKey = retired("unstable_macro");
/// `unstable_map_decl`
pub static UNSTABLE_MAP_DECL: ConfigKey = retired("unstable_map_decl");
/// `verify_llvm_ir`
pub static VERIFY_LLVM_IR: ConfigKey = retired("verify_llvm_ir");

const fn retired(name: &'static str) -> ConfigKey {
    ConfigKey {
        name,
        aliases: &[],
        opposites: &[],
        manual: "Accepted for old scripts and without effect.",
        default: "",
        parse: parse::text,
    }
}
