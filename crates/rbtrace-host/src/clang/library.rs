//! libclang, loaded when it is first needed: its handles as safe values. Knows no header and no type of ours.

use std::ffi::{CStr, CString, c_void};
use std::marker::PhantomData;
use std::ptr;
use std::sync::Arc;

use clang_sys::*;

/// A libclang that is loaded for this thread.
pub struct Library(());

impl Library {
    /// Finds the newest one where distributions put it, or where `LIBCLANG_PATH` says.
    pub fn load() -> Option<Library> {
        if !is_loaded() {
            set_library(Some(Arc::new(load_manually().ok()?)));
        }
        // Of libraries that are too old for one of these the rest is too old, too.
        let is_whole = clang_parseTranslationUnit2::is_loaded() && clang_Type_visitFields::is_loaded();
        is_whole.then_some(Library(()))
    }

    /// The directory it was found in.
    pub fn directory(&self) -> Option<std::path::PathBuf> {
        let path = get_library()?.path().to_owned();
        Some(path.parent()?.to_owned())
    }

    /// Compiles the first of these texts, as far as it can be compiled. Each has a path, where the others are found when they are included.
    pub fn parse(&self, files: &[(&str, &str)], args: &[String]) -> Option<Unit<'_>> {
        let names: Vec<CString> = files.iter().filter_map(|(name, _)| CString::new(*name).ok()).collect();
        let name = names.first().filter(|_| names.len() == files.len())?;
        let args: Vec<CString> = args.iter().filter_map(|arg| CString::new(arg.as_str()).ok()).collect();
        let pointers: Vec<_> = args.iter().map(|arg| arg.as_ptr()).collect();
        let unsaved = names.iter().zip(files).map(|(name, (_, text))| CXUnsavedFile {
            Filename: name.as_ptr(),
            Contents: text.as_ptr().cast(),
            Length: text.len() as u64,
        });
        let mut unsaved: Vec<CXUnsavedFile> = unsaved.collect();
        let flags = CXTranslationUnit_DetailedPreprocessingRecord
            | CXTranslationUnit_Incomplete
            | CXTranslationUnit_SkipFunctionBodies
            | CXTranslationUnit_KeepGoing;
        // SAFETY: takes two plain numbers.
        let index = unsafe { clang_createIndex(0, 0) };
        let mut unit = ptr::null_mut();
        // SAFETY: all texts outlive the call; counts are those of the arrays.
        let error = unsafe {
            clang_parseTranslationUnit2(
                index,
                name.as_ptr(),
                pointers.as_ptr(),
                pointers.len() as i32,
                unsaved.as_mut_ptr(),
                unsaved.len() as u32,
                flags,
                &mut unit,
            )
        };
        let unit = Unit { index, unit, library: PhantomData };
        (error == CXError_Success && !unit.unit.is_null()).then_some(unit)
    }
}

/// A compiled text.
pub struct Unit<'l> {
    index: CXIndex,
    unit: CXTranslationUnit,
    library: PhantomData<&'l Library>,
}

impl Drop for Unit<'_> {
    fn drop(&mut self) {
        if !self.unit.is_null() {
            // SAFETY: made by `parse`; cursors and types borrow the unit, so none is left.
            unsafe { clang_disposeTranslationUnit(self.unit) };
        }
        // SAFETY: made by `parse`, and its unit is gone.
        unsafe { clang_disposeIndex(self.index) };
    }
}

/// A complaint.
pub struct Said {
    /// Its file; `None`: no file at all.
    pub place: Option<(String, u32)>,
    /// What.
    pub message: String,
}

impl Unit<'_> {
    /// What is declared at the top, macros included.
    pub fn cursors(&self) -> Vec<Cursor<'_>> {
        // SAFETY: the unit lives.
        let top = unsafe { clang_getTranslationUnitCursor(self.unit) };
        Cursor(top, PhantomData).children()
    }

    /// Errors, in order.
    pub fn errors(&self) -> Vec<Said> {
        // SAFETY: the unit lives.
        let count = unsafe { clang_getNumDiagnostics(self.unit) };
        (0..count).filter_map(|number| self.error(number)).collect()
    }

    fn error(&self, number: u32) -> Option<Said> {
        // SAFETY: the number is below their count.
        let diagnostic = unsafe { clang_getDiagnostic(self.unit, number) };
        // SAFETY: just made.
        let severity = unsafe { clang_getDiagnosticSeverity(diagnostic) };
        // SAFETY: just made.
        let message = text(unsafe { clang_getDiagnosticSpelling(diagnostic) });
        // SAFETY: just made.
        let place = place(unsafe { clang_getDiagnosticLocation(diagnostic) });
        // SAFETY: just made, and not used any more.
        unsafe { clang_disposeDiagnostic(diagnostic) };
        (severity >= CXDiagnostic_Error).then_some(Said { place, message })
    }

    /// The words of a declaration or macro as it is written.
    pub fn words(&self, cursor: Cursor<'_>) -> Vec<String> {
        let (mut tokens, mut count) = (ptr::null_mut(), 0);
        // SAFETY: the cursor is of a unit that lives.
        let extent = unsafe { clang_getCursorExtent(cursor.0) };
        // SAFETY: both results are written before they are read.
        unsafe { clang_tokenize(self.unit, extent, &mut tokens, &mut count) };
        if tokens.is_null() {
            return Vec::new();
        }
        let word = |at: u32| {
            // SAFETY: there are `count` tokens, and they are of this unit.
            let token = unsafe { *tokens.add(at as usize) };
            // SAFETY: as above.
            text(unsafe { clang_getTokenSpelling(self.unit, token) })
        };
        let words = (0..count).map(word).collect();
        // SAFETY: made by `clang_tokenize`, and not used any more.
        unsafe { clang_disposeTokens(self.unit, tokens, count) };
        words
    }
}

/// A declaration.
#[derive(Clone, Copy)]
pub struct Cursor<'u>(CXCursor, PhantomData<&'u ()>);

impl<'u> Cursor<'u> {
    /// One of `CXCursor_…`.
    pub fn kind(self) -> CXCursorKind {
        self.0.kind
    }

    /// Its name; what has none has a description in brackets, or nothing.
    pub fn name(self) -> String {
        // SAFETY: cursors borrow their unit.
        text(unsafe { clang_getCursorSpelling(self.0) })
    }

    /// The declarations inside.
    pub fn children(self) -> Vec<Cursor<'u>> {
        let mut found: Vec<Cursor<'u>> = Vec::new();
        let place: *mut Vec<Cursor<'u>> = &mut found;
        // SAFETY: `keep_child` takes what is behind `place` for what it is, and is called only until this returns.
        unsafe { clang_visitChildren(self.0, keep_child, place.cast()) };
        found
    }

    /// Where it is written.
    pub fn place(self) -> Option<(String, u32)> {
        // SAFETY: cursors borrow their unit.
        place(unsafe { clang_getCursorLocation(self.0) })
    }

    /// Whether it has the body of what it declares.
    pub fn is_definition(self) -> bool {
        // SAFETY: cursors borrow their unit.
        unsafe { clang_isCursorDefinition(self.0) != 0 }
    }

    /// Whether there is a mistake in it; older versions do not say.
    pub fn is_invalid(self) -> bool {
        // SAFETY: cursors borrow their unit.
        clang_isInvalidDeclaration::is_loaded() && unsafe { clang_isInvalidDeclaration(self.0) != 0 }
    }

    /// Whether a macro has parameters.
    pub fn has_parameters(self) -> bool {
        // SAFETY: cursors borrow their unit.
        unsafe { clang_Cursor_isMacroFunctionLike(self.0) != 0 }
    }

    /// Its type.
    pub fn ty(self) -> ClangType<'u> {
        // SAFETY: cursors borrow their unit.
        ClangType(unsafe { clang_getCursorType(self.0) }, PhantomData)
    }

    /// What a typedef stands for.
    pub fn underlying(self) -> ClangType<'u> {
        // SAFETY: cursors borrow their unit.
        ClangType(unsafe { clang_getTypedefDeclUnderlyingType(self.0) }, PhantomData)
    }

    /// The value of an enum constant: of all its 64 bits where the enum is unsigned.
    pub fn value(self, is_unsigned: bool) -> i64 {
        if is_unsigned {
            // SAFETY: cursors borrow their unit.
            return unsafe { clang_getEnumConstantDeclUnsignedValue(self.0) } as i64;
        }
        // SAFETY: cursors borrow their unit.
        unsafe { clang_getEnumConstantDeclValue(self.0) }
    }

    /// The integer type of an enum.
    pub fn integer(self) -> ClangType<'u> {
        // SAFETY: cursors borrow their unit.
        ClangType(unsafe { clang_getEnumDeclIntegerType(self.0) }, PhantomData)
    }

    /// Where a field begins in its record, in bits.
    pub fn bit_offset(self) -> Option<u32> {
        // SAFETY: cursors borrow their unit.
        u32::try_from(unsafe { clang_Cursor_getOffsetOfField(self.0) }).ok()
    }

    /// The width of a bit-field.
    pub fn width(self) -> Option<u32> {
        // SAFETY: cursors borrow their unit.
        u32::try_from(unsafe { clang_getFieldDeclBitWidth(self.0) }).ok()
    }
}

/// A type.
#[derive(Clone, Copy)]
pub struct ClangType<'u>(CXType, PhantomData<&'u ()>);

impl<'u> ClangType<'u> {
    /// One of `CXType_…`.
    pub fn kind(self) -> CXTypeKind {
        self.0.kind
    }

    /// Without typedefs and qualifiers around it.
    pub fn canonical(self) -> ClangType<'u> {
        // SAFETY: types borrow their unit.
        ClangType(unsafe { clang_getCanonicalType(self.0) }, PhantomData)
    }

    /// Bytes; `None`: it is incomplete.
    pub fn size(self) -> Option<u32> {
        // SAFETY: types borrow their unit.
        u32::try_from(unsafe { clang_Type_getSizeOf(self.0) }).ok()
    }

    /// Alignment.
    pub fn align(self) -> Option<u32> {
        // SAFETY: types borrow their unit.
        u32::try_from(unsafe { clang_Type_getAlignOf(self.0) }).ok()
    }

    /// What a pointer points to.
    pub fn pointee(self) -> ClangType<'u> {
        // SAFETY: types borrow their unit.
        ClangType(unsafe { clang_getPointeeType(self.0) }, PhantomData)
    }

    /// What an array, vector or atomic has inside.
    pub fn element(self) -> ClangType<'u> {
        // SAFETY: types borrow their unit.
        ClangType(unsafe { clang_getArrayElementType(self.0) }, PhantomData)
    }

    /// The length of an array; 0 where it has none.
    pub fn length(self) -> u32 {
        // SAFETY: types borrow their unit.
        u32::try_from(unsafe { clang_getArraySize(self.0) }).unwrap_or(0)
    }

    /// Where it is declared.
    pub fn declaration(self) -> Cursor<'u> {
        // SAFETY: types borrow their unit.
        Cursor(unsafe { clang_getTypeDeclaration(self.0) }, PhantomData)
    }

    /// The fields of a record, those without a name included.
    pub fn fields(self) -> Vec<Cursor<'u>> {
        let mut found: Vec<Cursor<'u>> = Vec::new();
        let place: *mut Vec<Cursor<'u>> = &mut found;
        // SAFETY: `keep_field` takes what is behind `place` for what it is, and is called only until this returns.
        unsafe { clang_Type_visitFields(self.0, keep_field, place.cast()) };
        found
    }
}

extern "C" fn keep_child(cursor: CXCursor, _: CXCursor, place: *mut c_void) -> CXChildVisitResult {
    keep(cursor, place);
    CXChildVisit_Continue
}

extern "C" fn keep_field(cursor: CXCursor, place: *mut c_void) -> CXVisitorResult {
    keep(cursor, place);
    CXVisit_Continue
}

fn keep(cursor: CXCursor, place: *mut c_void) {
    // SAFETY: both callers were handed the address of a list that nobody else uses meanwhile.
    let found = unsafe { &mut *place.cast::<Vec<Cursor<'_>>>() };
    found.push(Cursor(cursor, PhantomData));
}

/// The file and byte offset of a location, where macros are expanded.
fn place(location: CXSourceLocation) -> Option<(String, u32)> {
    let (mut file, mut offset) = (ptr::null_mut(), 0);
    // SAFETY: results that are not wanted may be null.
    unsafe { clang_getFileLocation(location, &mut file, ptr::null_mut(), ptr::null_mut(), &mut offset) };
    // SAFETY: a file of a unit that lives.
    (!file.is_null()).then(|| (text(unsafe { clang_getFileName(file) }), offset))
}

/// Takes over a text of libclang's.
fn text(string: CXString) -> String {
    // SAFETY: the string was just made.
    let chars = unsafe { clang_getCString(string) };
    let text = if chars.is_null() {
        String::new()
    } else {
        // SAFETY: it ends with a NUL and lives until it is disposed of.
        unsafe { CStr::from_ptr(chars) }.to_string_lossy().into_owned()
    };
    // SAFETY: not used any more.
    unsafe { clang_disposeString(string) };
    text
}
