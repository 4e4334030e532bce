//! The text of a tracefs `format` file → its fields. Pure: the text is handed in.
//!
//! Keeps C types as text: what `pid_t` is, only [`crate::Facts`] can say.

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

/// Why a text is no format file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormatError {
    /// Line number, from 1; 0 when the text as a whole is wrong.
    pub line: usize,
    /// What is wrong with it.
    pub what: &'static str,
}

impl std::fmt::Display for FormatError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.line {
            0 => f.write_str(self.what),
            line => write!(f, "line {line}: {}", self.what),
        }
    }
}

impl std::error::Error for FormatError {}

/// A trace record lies in one page of the ring buffer; the largest pages Linux knows have 64 KiB.
const MAX_RECORD: u32 = 64 << 10;

impl TracepointFormat {
    /// Reads a `format` file. Lines other than `field:` (name, ID, print fmt) say nothing a program needs.
    pub fn parse(category: &str, event: &str, text: &str) -> Result<TracepointFormat, FormatError> {
        let mut fields: Vec<FormatField> = Vec::new();
        let mut common_block = true;
        for (index, line) in text.lines().enumerate() {
            let at = |what| FormatError { line: index + 1, what };
            let line = line.trim();
            if let Some(rest) = line.strip_prefix("field:") {
                fields.push(parse_field(rest, common_block).map_err(at)?);
            } else if line.is_empty() && !fields.is_empty() {
                common_block = false;
            } else if line.starts_with("print fmt:") {
                break;
            }
        }
        if fields.is_empty() {
            return Err(FormatError { line: 0, what: "no `field:` line" });
        }
        Ok(TracepointFormat { category: category.to_owned(), event: event.to_owned(), fields })
    }
}

/// `TYPE NAME;\toffset:N;\tsize:N;\tsigned:N;` where `signed` may be missing, as before 2.6.33.
fn parse_field(text: &str, common_block: bool) -> Result<FormatField, &'static str> {
    let (declaration, properties) = text.split_once(';').ok_or("a field without `;`")?;
    let (mut offset, mut size, mut signed) = (None, None, false);
    for property in properties.split(';') {
        let Some((key, value)) = property.trim().split_once(':') else { continue };
        match key {
            "offset" => offset = Some(value.trim().parse::<u32>().map_err(|_| "`offset` is not a number")?),
            "size" => size = Some(value.trim().parse::<u32>().map_err(|_| "`size` is not a number")?),
            "signed" => signed = value.trim() == "1",
            _ => {}
        }
    }
    let (offset, size) = (offset.ok_or("a field without `offset:`")?, size.ok_or("a field without `size:`")?);
    if offset.checked_add(size).is_none_or(|end| end > MAX_RECORD) {
        return Err("a field beyond the end of any record");
    }
    let Declaration { name, c_type, data_loc } = parse_declaration(declaration)?;
    let common = common_block && name.starts_with("common_");
    Ok(FormatField { name, c_type, offset, size, signed, data_loc, common })
}

struct Declaration {
    name: String,
    c_type: String,
    data_loc: Option<DataLoc>,
}

/// The name is the last word; array lengths behind it belong to the type.
fn parse_declaration(text: &str) -> Result<Declaration, &'static str> {
    let text = text.trim();
    let (text, data_loc) = match (text.strip_prefix("__data_loc "), text.strip_prefix("__rel_loc ")) {
        (Some(rest), _) => (rest, Some(DataLoc::Absolute)),
        (None, Some(rest)) => (rest, Some(DataLoc::Relative)),
        (None, None) => (text, None),
    };
    // `char name[16]`: a type that ends in `]` is never followed by a name that does.
    let (front, suffix) = if text.ends_with(']') { text.split_at(text.find('[').ok_or("`]` without `[`")?) } else { (text, "") };
    let front = front.trim_end();
    let start = front.rfind(|c: char| !c.is_alphanumeric() && c != '_').map_or(0, |at| at + char_len(front, at));
    let (base, name) = front.split_at(start);
    let base = base.trim();
    if name.is_empty() || base.is_empty() {
        return Err("a field without a type or a name");
    }
    Ok(Declaration { name: name.to_owned(), c_type: format!("{base}{suffix}"), data_loc })
}

fn char_len(text: &str, at: usize) -> usize {
    text[at..].chars().next().map_or(1, char::len_utf8)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(fields: &str) -> Result<TracepointFormat, FormatError> {
        TracepointFormat::parse("cat", "ev", fields)
    }

    fn one(declaration: &str) -> FormatField {
        parse(&format!("\tfield:{declaration};\toffset:8;\tsize:4;\tsigned:1;\n")).expect("a good line").fields.remove(0)
    }

    #[test]
    fn declarations_are_split() {
        let check =
            |text: &str, name: &str, c_type: &str| assert_eq!((one(text).name, one(text).c_type), (name.to_owned(), c_type.to_owned()));
        check("unsigned long id", "id", "unsigned long");
        check("char prev_comm[16]", "prev_comm", "char[16]");
        check("unsigned long args[6]", "args", "unsigned long[6]");
        check("u8 x[2][3]", "x", "u8[2][3]");
        check("const char * filename", "filename", "const char *");
        check("struct sk_buff *skb", "skb", "struct sk_buff *");
        check("__data_loc char[] filename", "filename", "char[]");
        check("__rel_loc u64[] user_kernel_ids", "user_kernel_ids", "u64[]");
        check("unsigned a", "a", "unsigned");
    }

    #[test]
    fn dynamic_fields_are_marked() {
        assert_eq!(one("__data_loc char[] a").data_loc, Some(DataLoc::Absolute));
        assert_eq!(one("__rel_loc char[] a").data_loc, Some(DataLoc::Relative));
        assert_eq!(one("int __data_loc_a").data_loc, None);
    }

    #[test]
    fn the_first_block_is_common() {
        let text = "name: x\nID: 1\nformat:\n\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;\n\n\
                    \tfield:int common_x;\toffset:8;\tsize:4;\tsigned:0;\n\nprint fmt: \"field:int y;\"\n";
        let fields = parse(text).expect("a good text").fields;
        assert_eq!(fields.iter().map(|f| f.common).collect::<Vec<_>>(), [true, false]);
        assert!(fields[0].signed && !fields[1].signed);
        assert_eq!((fields[1].offset, fields[1].size), (8, 4));
    }

    #[test]
    fn nonsense_is_an_error() {
        for text in ["", "\0", "field:", "field:;", "field:int;offset:0;size:4;", "field:int x;offset:0;", "field:int x;offset:-1;size:4;"]
        {
            assert!(parse(text).is_err(), "{text:?}");
        }
        assert!(parse("field:int x;offset:4294967295;size:4;").is_err());
        assert!(parse("field:x];offset:0;size:4;").is_err());
        assert_eq!(parse("\nfield:int x").expect_err("no `;`").to_string(), "line 2: a field without `;`");
    }

    #[test]
    fn mutations_never_panic() {
        let good = "format:\n\tfield:__data_loc char[] fié;\toffset:8;\tsize:4;\tsigned:1;\n\n\tfield:int x[3];\toffset:12;\tsize:4;\n";
        let mut seed = 1u64;
        let mut random = move || {
            seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (seed >> 33) as usize
        };
        for _ in 0..10_000 {
            let mut bytes = good.as_bytes().to_vec();
            for _ in 0..=random() % 4 {
                let at = random() % bytes.len();
                bytes[at] = random() as u8;
            }
            bytes.truncate(random() % (bytes.len() + 1));
            let _ = parse(&String::from_utf8_lossy(&bytes));
        }
    }
}
