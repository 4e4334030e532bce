//! BTF written by hand: what real files rarely have (bit-fields of both encodings, packed structs, modules) and what none should.

use std::sync::Arc;

use rbtrace_types::{Space, Type};

use super::c_text::definition;
use super::convert::convert;
use super::raw::{Btf, Bytes, Kind};

/// A file under construction. Ids and string offsets are handed out in order.
#[derive(Clone, Default)]
struct Blob {
    types: Vec<u8>,
    strings: Vec<u8>,
    next_id: u32,
    first_string: u32,
}

const SIGNED: u32 = 1 << 24;
const BOOL: u32 = 4 << 24;

impl Blob {
    fn new() -> Blob {
        Blob { strings: vec![0], next_id: 1, ..Blob::default() }
    }

    /// A module on top of `base`.
    fn on(base: &Blob) -> Blob {
        let first_string = base.first_string + base.strings.len() as u32;
        Blob { strings: vec![0], next_id: base.next_id, first_string, ..Blob::default() }
    }

    fn name(&mut self, name: &str) -> u32 {
        if name.is_empty() {
            return 0;
        }
        let at = self.first_string + self.strings.len() as u32;
        self.strings.extend(name.bytes().chain([0]));
        at
    }

    fn ty(&mut self, name: &str, kind: Kind, flag: bool, vlen: usize, size_or_type: u32, extra: &[u32]) -> u32 {
        let info = u32::from(flag) << 31 | (kind as u32) << 24 | vlen as u32;
        let name = self.name(name);
        self.types.extend([name, info, size_or_type].iter().chain(extra).flat_map(|word| word.to_ne_bytes()));
        self.next_id += 1;
        self.next_id - 1
    }

    fn int(&mut self, name: &str, bytes: u32, encoding: u32) -> u32 {
        self.ty(name, Kind::Int, false, 0, bytes, &[encoding | (bytes * 8)])
    }

    /// Members as (name, type, word that says the place).
    fn composite(&mut self, kind: Kind, name: &str, flag: bool, size: u32, members: &[(&str, u32, u32)]) -> u32 {
        let words: Vec<u32> = members.iter().flat_map(|(name, ty, place)| [self.name(name), *ty, *place]).collect();
        self.ty(name, kind, flag, members.len(), size, &words)
    }

    fn bytes(&self) -> Vec<u8> {
        let (types, strings) = (self.types.len() as u32, self.strings.len() as u32);
        let words = [24, 0, types, types, strings];
        let header = 0xEB9Fu16.to_ne_bytes().into_iter().chain([1, 0]).chain(words.into_iter().flat_map(u32::to_ne_bytes));
        header.chain(self.types.clone()).chain(self.strings.clone()).collect()
    }

    fn btf(&self) -> Btf {
        Btf::parse(Bytes::Owned(self.bytes()), None).expect("a well-formed file")
    }
}

/// The fields of a struct, one a line: offset, type, name, bits.
fn shown(btf: &Btf, id: u32) -> Vec<String> {
    let Type::Struct(of) = convert(btf, id).expect("a well-formed type") else { panic!("{id} is no struct") };
    let bits = |bits: Option<(u8, u8)>| bits.map_or(String::new(), |(first, width)| format!(":{first}+{width}"));
    of.fields.iter().map(|field| format!("{} {} {}{}", field.offset, field.ty, field.name, bits(field.bits))).collect()
}

#[test]
fn qualifiers_are_looked_through() {
    let mut blob = Blob::new();
    let int = blob.int("int", 4, SIGNED);
    let constant = blob.ty("", Kind::Const, false, 0, int, &[]);
    let typedef = blob.ty("pid_t", Kind::Typedef, false, 0, constant, &[]);
    let user = blob.ty("user", Kind::TypeTag, false, 0, typedef, &[]);
    let pointer = blob.ty("", Kind::Ptr, false, 0, user, &[]);
    let percpu = blob.ty("percpu", Kind::TypeTag, false, 0, int, &[]);
    let offset = blob.ty("", Kind::Ptr, false, 0, percpu, &[]);
    let btf = blob.btf();
    assert_eq!(convert(&btf, typedef).expect("an int"), Type::I32);
    assert_eq!(convert(&btf, pointer).expect("a pointer"), Type::I32.pointer(Space::User));
    assert_eq!(convert(&btf, offset).expect("a pointer"), Type::I32.pointer(Space::PerCpu));
    assert_eq!(btf.find("pid_t", Kind::Typedef), Some(typedef));
    assert_eq!((btf.find("pid", Kind::Typedef), btf.find("pid_t", Kind::Int), btf.find("", Kind::Int)), (None, None, None));
}

#[test]
fn arrays_of_char_are_strings() {
    let mut blob = Blob::new();
    // As kernels from 6.2 are built: `char` is unsigned.
    let (char, byte, boolean, index) = (blob.int("char", 1, 0), blob.int("unsigned char", 1, 0), blob.int("_Bool", 1, BOOL), 2);
    let text = blob.ty("", Kind::Array, false, 0, 0, &[char, index, 16]);
    let bytes = blob.ty("", Kind::Array, false, 0, 0, &[byte, index, 6]);
    let rows = blob.ty("", Kind::Array, false, 0, 0, &[text, index, 3]);
    let flags = blob.ty("", Kind::Array, false, 0, 0, &[boolean, index, 2]);
    let all = [("a", text, 0), ("b", bytes, 128), ("c", rows, 176), ("d", flags, 560)];
    let of = blob.composite(Kind::Struct, "s", false, 72, &all);
    assert_eq!(shown(&blob.btf(), of), ["0 string[16] a", "16 uint8[6] b", "22 string[16][3] c", "70 bool[2] d"]);
}

#[test]
fn anonymous_members_are_flattened() {
    let mut blob = Blob::new();
    let int = blob.int("int", 4, SIGNED);
    let union = blob.composite(Kind::Union, "", false, 4, &[("u", int, 0), ("v", int, 0)]);
    let inner = blob.composite(Kind::Struct, "", false, 8, &[("x", int, 0), ("", union, 32)]);
    let outer = blob.composite(Kind::Struct, "outer", false, 16, &[("first", int, 0), ("", inner, 32), ("named", inner, 96)]);
    let btf = blob.btf();
    assert_eq!(shown(&btf, outer), ["0 int32 first", "4 int32 x", "8 int32 u", "8 int32 v", "12 struct (anonymous) named"]);
}

#[test]
fn definitions_are_written_as_c() {
    let mut blob = Blob::new();
    let (int, char) = (blob.int("int", 4, SIGNED), blob.int("char", 1, SIGNED));
    let constant = blob.ty("", Kind::Const, false, 0, char, &[]);
    let text = blob.ty("", Kind::Ptr, false, 0, constant, &[]);
    let rows = blob.ty("", Kind::Array, false, 0, 0, &[text, int, 2]);
    let function = blob.ty("", Kind::FuncProto, false, 2, text, &[0, int, 0, 0]);
    let pointer = blob.ty("", Kind::Ptr, false, 0, function, &[]);
    let union = blob.composite(Kind::Union, "", false, 4, &[("u", int, 0), ("c", char, 0)]);
    let at = |bit: u32, width: u32| width << 24 | bit;
    let all =
        [("f", pointer, at(0, 0)), ("", union, at(64, 0)), ("b", int, at(96, 3)), ("n", union, at(128, 0)), ("rows", rows, at(192, 0))];
    let of = blob.composite(Kind::Struct, "s", true, 48, &all);
    let packed = blob.composite(Kind::Struct, "p", false, 5, &[("c", char, 0), ("i", int, 8)]);
    let empty = blob.composite(Kind::Struct, "e", false, 0, &[]);
    let btf = blob.btf();
    let expected = "struct s {\n\tconst char * (*f)(int, ...);\n\tunion {\n\t\tint u;\n\t\tchar c;\n\t};\n\tint b: 3;\n\
        \tunion {\n\t\tint u;\n\t\tchar c;\n\t} n;\n\tconst char *rows[2];\n\tlong: 64;\n}";
    assert_eq!(definition(&btf, of).expect("a struct"), expected);
    assert_eq!(definition(&btf, packed).expect("a struct"), "struct p {\n\tchar c;\n\tint i;\n} __attribute__((packed))");
    assert_eq!(definition(&btf, empty).expect("a struct"), "struct e {}");
}

#[test]
fn bit_fields_lie_within_their_integer() {
    let mut blob = Blob::new();
    let (int, long) = (blob.int("unsigned int", 4, 0), blob.int("long", 8, SIGNED));
    // The old encoding: a bit-field's width is its integer type's.
    let three_bits = blob.ty("unsigned int", Kind::Int, false, 0, 4, &[3]);
    let at = |bit: u32, width: u32| width << 24 | bit;
    let members = [
        ("a", int, at(0, 1)),
        ("b", int, at(1, 31)),
        ("c", int, at(40, 8)),
        ("d", long, at(70, 40)),
        ("e", int, at(124, 8)),
        ("f", int, at(160, 0)),
    ];
    let new = blob.composite(Kind::Struct, "new", true, 24, &members);
    let old = blob.composite(Kind::Struct, "old", false, 8, &[("a", three_bits, 0), ("b", three_bits, 35), ("c", int, 64)]);
    let btf = blob.btf();
    let expected = ["0 uint32 a:0+1", "0 uint32 b:1+31", "4 uint32 c:8+8", "8 int64 d:6+40", "15 uint32 e:4+8", "20 uint32 f"];
    assert_eq!(shown(&btf, new), expected);
    assert_eq!(shown(&btf, old), ["0 uint32 a:0+3", "4 uint32 b:3+3", "8 uint32 c"]);
}

#[test]
fn enums_keep_their_values_and_width() {
    let mut blob = Blob::new();
    let (a, b) = (blob.name("A"), blob.name("B"));
    let signed = blob.ty("signed_enum", Kind::Enum, true, 2, 4, &[a, 1, b, -1i32 as u32]);
    let (c, d) = (blob.name("C"), blob.name("D"));
    let wide = blob.ty("wide", Kind::Enum64, false, 2, 8, &[c, 1, 0, d, 0, 1]);
    let e = blob.name("E");
    let unsigned = blob.ty("unsigned_enum", Kind::Enum, false, 1, 4, &[e, u32::MAX]);
    let array = blob.ty("", Kind::Array, false, 0, 0, &[signed, signed, 2]);
    let of = blob.composite(Kind::Struct, "s", false, 24, &[("x", signed, 0), ("y", wide, 64), ("z", array, 128)]);
    let btf = blob.btf();
    let values = |id: u32| {
        let Type::Enum(of) = convert(&btf, id).expect("a type") else { panic!("{id} is no enum") };
        of.constants.clone()
    };
    assert_eq!(values(signed), [("A".to_owned(), 1), ("B".to_owned(), -1)]);
    assert_eq!(values(wide), [("C".to_owned(), 1), ("D".to_owned(), 1 << 32)]);
    assert_eq!(values(unsigned), [("E".to_owned(), i64::from(u32::MAX))]);
    assert_eq!(shown(&btf, of), ["0 enum signed_enum x:0+32", "8 enum wide y", "16 int32[2] z"]);
    assert_eq!((btf.find_enum_with("D"), btf.find_enum_with("E"), btf.find_enum_with("F")), (Some(wide), Some(unsigned), None));
}

#[test]
fn what_pointers_point_to_has_no_fields_yet() {
    let mut blob = Blob::new();
    let (this, pointer) = (2, blob.ty("", Kind::Ptr, false, 0, 2, &[]));
    let node = blob.composite(Kind::Struct, "node", false, 8, &[("next", pointer, 0)]);
    let forward = blob.ty("hidden", Kind::Fwd, false, 0, 0, &[]);
    assert_eq!(node, this);
    let btf = blob.btf();
    let Type::Struct(of) = convert(&btf, node).expect("a struct") else { panic!("a struct") };
    let Type::Pointer(next, Space::Kernel) = &of.fields[0].ty else { panic!("a pointer") };
    let Type::Struct(next) = &**next else { panic!("a struct") };
    assert_eq!((next.name.as_str(), next.size, next.fields.len()), ("struct node", 8, 0));
    assert_eq!(convert(&btf, forward).expect("a struct").to_string(), "struct hidden");
}

#[test]
fn a_module_goes_on_where_the_kernel_ends() {
    let mut kernel = Blob::new();
    let int = kernel.int("int", 4, SIGNED);
    let mut module = Blob::on(&kernel);
    let typedef = module.ty("mine_t", Kind::Typedef, false, 0, int, &[]);
    let event = module.ty("btf_trace_mine", Kind::Typedef, false, 0, typedef, &[]);
    let base = Arc::new(kernel.btf());
    let btf = Btf::parse(Bytes::Owned(module.bytes()), Some(Arc::clone(&base))).expect("a well-formed file");
    assert_eq!((typedef, btf.find("mine_t", Kind::Typedef)), (2, Some(2)));
    assert_eq!(convert(&btf, typedef).expect("an int"), Type::I32);
    assert_eq!(btf.with_prefix("btf_trace_", Kind::Typedef), [(event, "mine")]);
    assert_eq!(btf.record(int).and_then(|record| record.name()).expect("the kernel's"), "int");
    assert!(base.record(typedef).is_err());
}

#[test]
fn knots_are_errors() {
    let mut blob = Blob::new();
    let itself = blob.ty("t", Kind::Typedef, false, 0, 1, &[]);
    let holds_itself = blob.composite(Kind::Struct, "s", false, 8, &[("s", 2, 0)]);
    let anonymous = blob.composite(Kind::Struct, "", false, 8, &[("", 3, 0), ("", 3, 0), ("", 3, 0)]);
    let array = blob.ty("", Kind::Array, false, 0, 0, &[4, 4, 2]);
    let dangling = blob.ty("", Kind::Ptr, false, 0, 1000, &[]);
    let btf = blob.btf();
    for id in [itself, holds_itself, anonymous, array, dangling, 0xffff_ffff] {
        assert!(convert(&btf, id).is_err(), "{id}");
    }
}

#[test]
fn a_hole_without_end_is_an_error() {
    let mut blob = Blob::new();
    let int = blob.int("int", 4, SIGNED);
    let large = blob.composite(Kind::Struct, "large", false, 8 << 20, &[("a", int, 0), ("b", int, 7 << 23)]);
    let small = blob.composite(Kind::Struct, "small", false, 800, &[("a", int, 0)]);
    let btf = blob.btf();
    assert!(definition(&btf, large).is_err());
    assert_eq!(definition(&btf, small).expect("a hole of a hundred words").lines().filter(|line| *line == "\tlong: 64;").count(), 99);
}

#[test]
fn numbers_without_end_are_errors() {
    let mut blob = Blob::new();
    let double = blob.ty("double", Kind::Float, false, 0, 8, &[]);
    let broken = blob.ty("double", Kind::Float, false, 0, 1 << 29, &[]);
    let btf = blob.btf();
    assert_eq!(convert(&btf, double).expect("a well-formed type").size(), 8);
    assert!(convert(&btf, broken).is_err());
}

#[test]
fn broken_files_are_errors() {
    let parse = |bytes: &[u8]| Btf::parse(Bytes::Owned(bytes.to_vec()), None).map_err(|error| format!("{error:#}"));
    let good = sample().bytes();
    assert!(parse(&good).is_ok());
    for cut in 0..good.len() {
        assert!(parse(&good[..cut]).is_err(), "cut at {cut}");
    }
    assert_eq!(parse(b"\x7fELF").expect_err("too short"), "BTF: shorter than its header");
    let swapped: Vec<u8> = good.chunks(2).flat_map(|pair| pair.iter().rev().copied().collect::<Vec<u8>>()).collect();
    assert_eq!(parse(&swapped).expect_err("the other byte order"), "BTF: wrong magic number 0x9feb");
}

fn sample() -> Blob {
    let mut blob = Blob::new();
    let (int, char) = (blob.int("int", 4, SIGNED), blob.int("char", 1, SIGNED));
    let text = blob.ty("", Kind::Array, false, 0, 0, &[char, int, 16]);
    let constants = [blob.name("ONE"), 1, blob.name("TWO"), 2];
    let of = blob.ty("e", Kind::Enum, false, 2, 4, &constants);
    let inner = blob.composite(Kind::Struct, "", true, 8, &[("bit", int, 1 << 24), ("e", of, 32)]);
    let outer = blob.composite(Kind::Struct, "outer", false, 32, &[("text", text, 0), ("", inner, 128), ("next", 8, 192)]);
    let pointer = blob.ty("", Kind::Ptr, false, 0, outer, &[]);
    let parameters = [0, pointer, blob.name("task"), pointer];
    let function = blob.ty("", Kind::FuncProto, false, 2, int, &parameters);
    let to_function = blob.ty("", Kind::Ptr, false, 0, function, &[]);
    blob.ty("btf_trace_x", Kind::Typedef, false, 0, to_function, &[]);
    blob
}

/// Ten thousand broken files: asked everything, they may answer anything but must not panic, hang or eat memory.
#[test]
fn mutations_never_panic() {
    let good = sample().bytes();
    let mut seed = 7u64;
    let mut random = move || {
        seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (seed >> 33) as usize
    };
    let mut parsed = 0;
    for _ in 0..10_000 {
        let mut bytes = good.clone();
        for _ in 0..=random() % 6 {
            // Past the header most of the time, or few files would be looked into.
            let start = if random() % 8 == 0 { 0 } else { 24 };
            let at = start + random() % (bytes.len() - start);
            bytes[at] = [random() as u8, bytes[at] ^ 1 << (random() % 8), (random() % 16) as u8][random() % 3];
        }
        let Ok(btf) = Btf::parse(Bytes::Owned(bytes), None) else { continue };
        parsed += 1;
        for id in 0..16 {
            let _ = convert(&btf, id);
        }
        let _ = (btf.find("outer", Kind::Struct), btf.find_enum_with("TWO"), btf.with_prefix("btf_trace_", Kind::Typedef));
    }
    assert!(parsed > 1000, "only {parsed} of the files were worth a look");
}
