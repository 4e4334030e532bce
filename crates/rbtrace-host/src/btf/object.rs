//! What the BTF of an object file says of its functions.

use anyhow::Result;
use rbtrace_types::c_object::CFunction;

use super::convert;
use super::raw::{Btf, Bytes, Kind};

/// In the record of a function, where others have their number of members: it is seen by other files.
const GLOBAL: usize = 1;

/// The functions that other files can call, sorted by name.
pub fn functions_of(btf: Vec<u8>) -> Result<Vec<CFunction>> {
    let btf = Btf::parse(Bytes::Owned(btf), None)?;
    let mut functions = Vec::new();
    for (id, name) in btf.with_prefix("", Kind::Func) {
        let function = btf.record(id)?;
        if function.vlen != GLOBAL {
            continue;
        }
        let prototype = btf.record(function.size_or_type)?;
        let params = convert::parameters(&btf, &prototype, None, 0, name.to_owned())?;
        let params = params.fields.into_iter().map(|field| (field.name, field.ty)).collect();
        functions.push(CFunction { name: name.to_owned(), params, result: convert::convert(&btf, prototype.size_or_type)? });
    }
    functions.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(functions)
}
