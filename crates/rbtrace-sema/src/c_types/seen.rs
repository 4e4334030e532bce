//! C types as the code at one place sees them: in a program, what the program calls a type comes before what the kernel calls so.
//!
//! The script's own definitions and headers win over both. A program that another probe of the script is in is asked last: its types mean
//! the same everywhere, as long as nobody else has the name.

use std::sync::Arc;

use rbtrace_lang::Place;
use rbtrace_types::ctype::c_integer;
use rbtrace_types::{Enum, Facts, Space, Type};

use super::CTypes;

/// See the module.
#[derive(Clone, Copy)]
pub(crate) struct Seen<'a> {
    c: &'a CTypes<'a>,
    /// `None`: code that is not bound to a place.
    place: Option<&'a Place>,
}

impl<'a> Seen<'a> {
    /// From a place.
    pub fn new(c: &'a CTypes<'a>, place: Option<&'a Place>) -> Seen<'a> {
        Seen { c, place }
    }

    /// The type of a C name: `struct s`, `enum e`, a typedef, an integer.
    pub fn by_name(&self, name: &str) -> Option<Type> {
        let own = self.c.defined(name).or_else(|| c_integer(name));
        let of_program = || self.place.and_then(|place| self.c.of_program(place, name));
        own.or_else(of_program).or_else(|| self.c.by_name(name)).or_else(|| self.of_any_program(name))
    }

    /// A struct with its fields, if anyone knows them. What a pointer into the kernel's memory points to is the kernel's.
    pub fn complete(&self, ty: &Type, space: Space) -> Type {
        let Type::Struct(of) = ty else { return ty.clone() };
        if !of.fields.is_empty() {
            return ty.clone();
        }
        let of_kernel = if space == Space::Kernel { self.c.by_name(&of.name) } else { None };
        of_kernel.or_else(|| self.by_name(&of.name)).unwrap_or_else(|| ty.clone())
    }

    /// The enum that has a constant of this name, and its value.
    pub fn enum_constant(&self, name: &str) -> Option<(Arc<Enum>, i64)> {
        let of = |place: &Place| (place.probe_type.program_constant)(self.c.facts, place, name);
        let own = self.c.defined_constant(name).or_else(|| self.place.and_then(of));
        let others = || self.c.programs.get().into_iter().flatten().find_map(of);
        own.or_else(|| self.c.enum_constant(name)).or_else(others)
    }

    fn of_any_program(&self, name: &str) -> Option<Type> {
        self.c.programs.get().into_iter().flatten().find_map(|place| self.c.of_program(place, name))
    }
}

impl<'a> CTypes<'a> {
    /// Says in which programs the script's probes are.
    pub fn set_programs(&self, places: impl Iterator<Item = Place>) {
        let mut programs: Vec<Place> = Vec::new();
        for place in places {
            let is_known = programs.iter().any(|known| known.probe_type == place.probe_type && known.parts.first() == place.parts.first());
            if !is_known {
                programs.push(place);
            }
        }
        // Said once for each attempt to compile, which has its own types.
        let _ = self.programs.set(programs);
    }

    fn facts(&self) -> &'a dyn Facts {
        self.facts
    }

    /// A type of the program that a place is in. Its answers are kept: names are asked for in every round.
    fn of_program(&self, place: &Place, name: &str) -> Option<Type> {
        let key = (place.parts.clone(), name.to_owned());
        if let Some(known) = self.of_programs.borrow().get(&key) {
            return known.clone();
        }
        let found = (place.probe_type.program_type)(self.facts(), place, name);
        self.of_programs.borrow_mut().insert(key, found.clone());
        found
    }
}
