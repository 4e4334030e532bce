//! The C side of a script: its definitions, the kernel's types and constants behind them, found by name.
//!
//! What the script defines wins over headers, headers over BTF, and BTF over our tables of constants. A pointer knows the name of what it points to and no fields:
//! whoever goes through it asks [`CTypes::complete`].

mod headers;
mod read;
mod seen;

use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;
use std::sync::Arc;

use rbtrace_diag::{Diagnostic, Sink};
use rbtrace_lang::{Place, constants};
use rbtrace_syntax::ast::{Name, Tag};
use rbtrace_syntax::c::{Base, CType, Composite, Declaration, Enumeration, Layer, Macro, Member, Params, Unit};
use rbtrace_types::c_layout::{CMember, c_align, lay_out};
use rbtrace_types::ctype::c_integer;
use rbtrace_types::headers::{Answer, CSized as Sized};
use rbtrace_types::{Enum, Facts, Space, Struct, Type};

pub(crate) use self::headers::could_help;
pub(crate) use self::read::{Reading, add_header_macros, script_macros};
pub(crate) use self::seen::Seen;

/// The parts of a place, and a name that was asked for there.
type NameAt = (Vec<String>, String);

/// Types and constants by their C names.
pub(crate) struct CTypes<'a> {
    facts: &'a dyn Facts,
    /// Defined by the script: `struct s`, `enum e`, `name_t`.
    own: HashMap<String, Sized>,
    /// Enum constants of the script.
    constants: HashMap<String, (Arc<Enum>, i64)>,
    /// Macros of the script.
    macros: HashMap<String, Macro>,
    /// What a C compiler read from headers.
    headers: Option<&'a Answer>,
    /// Answers of the kernel, for converting a large struct once is enough.
    known: RefCell<HashMap<String, Option<Type>>>,
    /// In which programs the script's probes are, one place in each; known once probes have places.
    programs: OnceCell<Vec<Place>>,
    /// Answers of programs.
    of_programs: RefCell<HashMap<NameAt, Option<Type>>>,
    /// Answers of the tables, which are searched from end to end.
    numbers: RefCell<HashMap<String, Option<i64>>>,
}

impl<'a> CTypes<'a> {
    /// What the definitions of a script mean; what is wrong with them is pushed to the sink.
    pub fn of(unit: Unit, facts: &'a dyn Facts, headers: Option<&'a Answer>, sink: &mut Sink) -> CTypes<'a> {
        let mut types = CTypes {
            facts,
            own: HashMap::new(),
            constants: HashMap::new(),
            macros: HashMap::new(),
            headers,
            known: RefCell::default(),
            programs: OnceCell::new(),
            of_programs: RefCell::default(),
            numbers: RefCell::default(),
        };
        types.add(unit, sink);
        types
    }

    fn add(&mut self, unit: Unit, sink: &mut Sink) {
        for declaration in unit.declarations {
            let name = declared(&declaration);
            let added = match declaration {
                Declaration::Composite(found) => self.add_composite(&found),
                Declaration::Enumeration(found) => {
                    self.enumeration(&found);
                    Ok(())
                }
                Declaration::Typedef { name, ty } => self.typedef(&name, &ty),
            };
            // What a compiler could read is known from it.
            if let Err(problem) = added
                && self.of_headers(&name).is_none()
            {
                sink.push(problem);
            }
        }
        self.macros = unit.macros.into_iter().map(|found| (found.name.node.clone(), found)).collect();
    }

    fn add_composite(&mut self, found: &Composite) -> Result<(), Diagnostic> {
        let name = tagged(found.tag, found.name.as_deref());
        let laid = self.composite(found, name.clone())?;
        self.own.insert(name, laid);
        Ok(())
    }

    /// A struct without a tag is known by its typedef.
    fn typedef(&mut self, name: &Name, ty: &CType) -> Result<(), Diagnostic> {
        let found = match (&ty.base, ty.layers.as_slice()) {
            (Base::Composite(inner), []) => self.composite(inner, name.node.clone())?,
            _ => self.c_type(ty)?,
        };
        self.own.insert(name.node.clone(), found);
        Ok(())
    }

    fn composite(&mut self, found: &Composite, name: String) -> Result<Sized, Diagnostic> {
        let members = found.members.iter().map(|member| self.member(member, found.attributes.packed));
        let members = members.collect::<Result<Vec<_>, _>>()?;
        let laid = lay_out(name.clone(), found.tag == Tag::Union, &members, found.attributes.align);
        let Some(laid) = laid else {
            return Err(Diagnostic::error(found.span, format!("`{name}` cannot be laid out")).because("a member is too wide or too large"));
        };
        let size = laid.of.size;
        Ok(Sized { ty: Type::Struct(Arc::new(laid.of)), size, align: laid.align })
    }

    fn member(&mut self, member: &Member, packed: bool) -> Result<CMember, Diagnostic> {
        let found = self.c_type(&member.ty)?;
        let align = found.align.max(member.attributes.align.unwrap_or(1));
        // An `aligned` member keeps its alignment in a packed struct.
        let packed = (packed || member.attributes.packed) && member.attributes.align.is_none();
        Ok(CMember { name: member.name.clone(), ty: found.ty, size: found.size, align, bits: member.bits, packed })
    }

    fn enumeration(&mut self, found: &Enumeration) -> Sized {
        let of = Arc::new(Enum { name: tagged(Tag::Enum, found.name.as_deref()), constants: found.constants.clone() });
        for (name, value) in &found.constants {
            self.constants.insert(name.clone(), (Arc::clone(&of), *value));
        }
        let stored = found.stored_as.as_ref().and_then(|words| self.words(words)).map(|integer| integer.size);
        let size = stored.filter(|size| matches!(size, 1 | 2 | 4 | 8)).unwrap_or_else(|| enum_size(&of, if found.packed { 1 } else { 4 }));
        let sized = Sized { ty: Type::Enum(of), size, align: size };
        if found.name.is_some() {
            self.own.insert(tagged(Tag::Enum, found.name.as_deref()), sized.clone());
        }
        sized
    }

    fn c_type(&mut self, written: &CType) -> Result<Sized, Diagnostic> {
        let by_value = written.layers.first() != Some(&Layer::Pointer);
        let base = match &written.base {
            Base::Composite(inner) => Some(self.composite(inner, tagged(inner.tag, None))?),
            Base::Enumeration(inner) => Some(self.enumeration(inner)),
            Base::Words(words) => self.words(words).or_else(|| (!by_value).then(|| opaque(words.clone()))),
            Base::Tagged(Tag::Enum, name) => self.sized(&tagged(Tag::Enum, Some(name))),
            Base::Tagged(tag, name) if by_value => self.sized(&tagged(*tag, Some(name))),
            Base::Tagged(tag, name) => Some(opaque(tagged(*tag, Some(name)))),
        };
        let Some(base) = base else {
            let name = match &written.base {
                Base::Tagged(tag, name) => tagged(*tag, Some(name)),
                Base::Words(words) => words.clone(),
                Base::Composite(_) | Base::Enumeration(_) => String::new(),
            };
            return Err(
                Diagnostic::error(written.span, format!("unknown C type `{name}`")).because("neither the script nor the kernel defines it")
            );
        };
        let too_large = || Diagnostic::error(written.span, "this C type is too large");
        written.layers.iter().try_fold(base, |inner, layer| layered(inner, *layer).ok_or_else(too_large))
    }

    fn words(&self, words: &str) -> Option<Sized> {
        let float = |bytes: u32| Sized { ty: opaque_type(format!("float{}", bytes * 8), bytes), size: bytes, align: bytes };
        match words {
            "void" => Some(Sized { ty: Type::Void, size: 0, align: 1 }),
            "float" => Some(float(4)),
            "double" => Some(float(8)),
            "long double" => Some(float(16)),
            "__int128" | "unsigned __int128" => Some(Sized { ty: Type::Array(Arc::new(Type::U64), 2), size: 16, align: 16 }),
            words => self.sized(words),
        }
    }

    fn of_headers(&self, name: &str) -> Option<&'a Sized> {
        self.headers.and_then(|headers| headers.types.get(name))
    }

    /// A type by its name, as C stores it.
    fn sized(&self, name: &str) -> Option<Sized> {
        if let Some(known) = self.own.get(name).or_else(|| self.of_headers(name)) {
            return Some(known.clone());
        }
        let ty = self.by_name(name)?;
        let size = if let Type::Enum(of) = &ty { enum_size(of, 4) } else { ty.size() };
        Some(Sized { align: c_align(&ty), size, ty })
    }

    /// What the script or its headers say of a name.
    fn defined(&self, name: &str) -> Option<Type> {
        self.own.get(name).or_else(|| self.of_headers(name)).map(|known| known.ty.clone())
    }

    /// The type of a C name where no program is looked at.
    fn by_name(&self, name: &str) -> Option<Type> {
        if let Some(known) = self.defined(name) {
            return Some(known);
        }
        if let Some(known) = self.known.borrow().get(name) {
            return known.clone();
        }
        // C's own names first: the kernel is built with another `char` than everyone else.
        let found = c_integer(name).or_else(|| self.facts.kernel_type(name));
        self.known.borrow_mut().insert(name.to_owned(), found.clone());
        found
    }

    /// The enum of the script or its headers that has a constant of this name, and its value.
    fn defined_constant(&self, name: &str) -> Option<(Arc<Enum>, i64)> {
        let headers = || self.headers.and_then(|headers| headers.constants.get(name).cloned());
        self.constants.get(name).cloned().or_else(headers)
    }

    /// The same, or of the kernel.
    fn enum_constant(&self, name: &str) -> Option<(Arc<Enum>, i64)> {
        self.defined_constant(name).or_else(|| self.facts.kernel_enum_constant(name))
    }

    /// The macro of this name that the script defines in C.
    pub fn c_macro(&self, name: &str) -> Option<&Macro> {
        self.macros.get(name)
    }

    /// The value of a macro of the script, or of a header that our tables stand in for.
    pub fn number(&self, name: &str) -> Option<i64> {
        let own = self.macros.get(name).filter(|found| found.params == Params::None);
        if let Some(value) = own.and_then(|found| found.value) {
            return Some(value);
        }
        if let Some(found) = self.headers.and_then(|headers| headers.macros.get(name)) {
            // A macro of a header nobody chose: the language's own names stay what they are.
            return found.value.filter(|_| !read::is_ours(name));
        }
        if own.is_some() {
            return None;
        }
        if let Some(known) = self.numbers.borrow().get(name) {
            return *known;
        }
        let listed = constants::by_name(name, self.facts.arch(), &|name| read::kernel_constant(self.facts, name));
        let value = listed.filter(|_| self.enum_constant(name).is_none());
        self.numbers.borrow_mut().insert(name.to_owned(), value);
        value
    }
}

/// The bytes in which an enum fits, at least so many.
fn enum_size(of: &Enum, least: u32) -> u32 {
    let values = || of.constants.iter().map(|(_, value)| *value);
    let is_signed = values().any(|value| value < 0);
    let fits = |size: u32, value: i64| {
        let unused = 64 - 8 * size;
        if is_signed { value << unused >> unused == value } else { (value as u64) << unused >> unused == value as u64 }
    };
    [1, 2, 4].into_iter().filter(|size| *size >= least).find(|size| values().all(|value| fits(*size, value))).unwrap_or(8)
}

/// The name under which a declaration is kept.
fn declared(declaration: &Declaration) -> String {
    match declaration {
        Declaration::Composite(found) => tagged(found.tag, found.name.as_deref()),
        Declaration::Enumeration(found) => tagged(Tag::Enum, found.name.as_deref()),
        Declaration::Typedef { name, .. } => name.node.clone(),
    }
}

/// `struct NAME`
fn tagged(tag: Tag, name: Option<&str>) -> String {
    format!("{} {}", tag.keyword(), name.unwrap_or("(anonymous)"))
}

fn opaque_type(name: String, size: u32) -> Type {
    Type::Struct(Arc::new(Struct { name, fields: Vec::new(), size }))
}

fn opaque(name: String) -> Sized {
    Sized { ty: opaque_type(name, 0), size: 0, align: 1 }
}

/// One step of a declarator. `None`: too large.
fn layered(inner: Sized, layer: Layer) -> Option<Sized> {
    Some(match layer {
        Layer::Pointer => Sized { ty: pointee(stored(inner)).pointer(Space::None), size: 8, align: 8 },
        Layer::Function => Sized { ty: Type::Void, size: 0, align: 1 },
        Layer::Array(length) => {
            let (align, length) = (inner.align, u32::try_from(length).ok()?);
            let size = inner.size.checked_mul(length)?;
            let ty = match stored(inner) {
                ty if ty == Type::int(1, true) => Type::String(length),
                ty => Type::Array(Arc::new(ty), length),
            };
            Sized { ty, size, align }
        }
    })
}

/// A narrow enum cannot lie as such in arrays and behind pointers: ours are 8 bytes wide. Its integer can.
fn stored(inner: Sized) -> Type {
    let narrow = matches!(inner.ty, Type::Enum(_)) && inner.size < 8;
    if narrow { Type::int(inner.size as u8, false) } else { inner.ty }
}

/// What a pointer keeps of its target: a struct that can be asked for again, by name only.
pub(crate) fn pointee(ty: Type) -> Type {
    if let Type::Struct(s) = &ty
        && !s.name.ends_with("(anonymous)")
    {
        return opaque_type(s.name.clone(), s.size);
    }
    ty
}
