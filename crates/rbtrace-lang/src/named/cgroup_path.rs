//! `cgroup_path_t`: the id of a cgroup that is shown as its paths.

use rbtrace_types::Type;

use crate::probes::wildcard;
use crate::row::NamedType;
use crate::value::{Value, read_int};

/// Bytes: the id as u64, then as u64 one more than the number of the pattern among the manifest's texts.
pub const SIZE: u32 = 16;

/// The row.
pub static ROW: NamedType = NamedType {
    name: NAME,
    written: &[NAME],
    ty: Some(ty),
    is_number: false,
    show: |world, bytes| {
        let id = read_int(bytes, 8, false)? as u64;
        let number = read_int(bytes.get(8..).unwrap_or_default(), 8, false)? as u64;
        let pattern = number.checked_sub(1).and_then(|number| world.text(number)).unwrap_or("*");
        let paths = world.cgroup_paths(id).into_iter().filter(|(hierarchy, _)| wildcard::matches(pattern, hierarchy));
        Ok(Value::Text(paths.map(|(hierarchy, path)| format!("{hierarchy}:{path}")).collect::<Vec<_>>().join(",")))
    },
};

const NAME: &str = "cgroup_path_t";

/// The type.
pub fn ty() -> Type {
    Type::named(NAME, SIZE, 8)
}
