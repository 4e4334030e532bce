//! The text of a tracefs `format` file → its fields. Pure: the text is handed in.

use serde::{Deserialize, Serialize};

use crate::ty::DataLoc;

/// One field line of a format file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FormatField {
    /// Its name.
    pub name: String,
    /// Its C type as written, without the name: `unsigned long`, `char[16]`, `const char *`, `__u8[]`.
    pub c_type: String,
    /// Byte offset in the record.
    pub offset: u32,
    /// Bytes in the record.
    pub size: u32,
    /// Whether it is signed.
    pub signed: bool,
    /// For `__data_loc` and `__rel_loc`: `c_type` is then the type of what it points to.
    pub data_loc: Option<DataLoc>,
    /// Belongs to the first block (`common_type`, …), which scripts cannot read.
    pub common: bool,
}

/// A tracepoint's record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TracepointFormat {
    /// `category`
    pub category: String,
    /// `event`
    pub event: String,
    /// All fields, common ones first.
    pub fields: Vec<FormatField>,
}
