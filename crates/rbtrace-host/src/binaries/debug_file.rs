//! Symbols and debug information in a file of their own: distributions strip binaries and keep what they took away elsewhere.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use object::Object;

use super::debuginfod::Servers;
use super::image::Image;

/// Where such files are looked for if nobody says anything else: beside the binary, below it, and where distributions keep them.
const PLACES: &str = "+:+.debug:+/usr/lib/debug";

/// A debug file.
#[derive(Debug)]
pub struct DebugFile {
    /// Where it was found.
    pub path: PathBuf,
    /// What is in it.
    pub bytes: Image,
}

/// Where debug files are looked for.
#[derive(Clone, Debug)]
pub struct DebugPlaces {
    places: Vec<Place>,
    /// Who is asked for what is nowhere.
    servers: Option<Arc<Servers>>,
}

#[derive(Clone, Debug)]
struct Place {
    /// Absolute, or seen from the binary's directory. Or the file itself, seen from ours.
    directory: PathBuf,
    /// Whether a file that is found by its name must have the sum that the binary says.
    is_checked: bool,
}

impl Default for DebugPlaces {
    fn default() -> DebugPlaces {
        DebugPlaces::new(&[])
    }
}

impl DebugPlaces {
    /// Lists of directories, separated by colons; a `+` in front of one wants sums checked.
    pub fn new(lists: &[String]) -> DebugPlaces {
        let lists = if lists.is_empty() { PLACES.to_owned() } else { lists.join(":") };
        let place = |text: &str| Place { directory: text.trim_start_matches(['+', '-']).into(), is_checked: text.starts_with('+') };
        DebugPlaces { places: lists.split(':').map(place).collect(), servers: None }
    }

    /// With servers that have debug files, too.
    pub fn with_servers(self, servers: Option<Servers>) -> DebugPlaces {
        DebugPlaces { servers: servers.map(Arc::new), ..self }
    }

    /// What went wrong with servers since this was last asked.
    pub fn take_complaints(&self) -> Vec<String> {
        self.servers.as_ref().map_or(Vec::new(), |servers| servers.take_complaints())
    }

    /// The debug file of a binary from a server; asking may take long.
    pub fn fetch(&self, file: &object::File<'_>) -> Option<DebugFile> {
        let id = file.build_id().ok()??;
        let found = open(None, &self.servers.as_ref()?.debug_file(id)?)?;
        (found.is_of(Some(id)) == Some(true)).then_some(found)
    }

    /// The debug file of a binary, by its build id or by the name that the binary gives it. One that was made for another build is none.
    /// `root`: where paths of the process that has the binary begin, if not where ours do.
    pub fn find(&self, file: &object::File<'_>, path: &Path, root: Option<&Path>) -> Option<DebugFile> {
        let id = file.build_id().ok().flatten();
        let by_id = |root| {
            let paths = self.places.iter().filter_map(|place| Some(place.directory.join(by_build_id(id?)?)));
            paths.filter(|path| path.is_absolute()).filter_map(|path| open(root, &path)).find(|found| found.is_of(id) != Some(false))
        };
        let given = || self.places.iter().filter_map(|place| open(None, &place.directory)).find(|found| found.id().as_deref() == id);
        // Where the process has none, ours of the same build is as good.
        let here = || root.and_then(|_| by_id(None));
        by_id(root).or_else(given).or_else(|| self.linked(file, path, root)).or_else(here)
    }

    /// The file of the name that a binary gives.
    fn linked(&self, file: &object::File<'_>, path: &Path, root: Option<&Path>) -> Option<DebugFile> {
        let id = file.build_id().ok().flatten();
        let (name, sum) = file.gnu_debuglink().ok()??;
        let name = String::from_utf8_lossy(name).into_owned();
        self.places.iter().find_map(|place| {
            let candidates = place.named(path, &name).into_iter().filter(|candidate| candidate != path);
            let has_sum = |found: &DebugFile| !place.is_checked || crc32fast::hash(&found.bytes) == sum;
            candidates.filter_map(|candidate| open(root, &candidate)).find(|found| found.is_of(id).unwrap_or_else(|| has_sum(found)))
        })
    }
}

fn open(root: Option<&Path>, place: &Path) -> Option<DebugFile> {
    let path = super::find::below(root, &place.to_string_lossy());
    let bytes = Image::open(&path, None).ok()?;
    Some(DebugFile { path, bytes })
}

impl DebugFile {
    fn id(&self) -> Option<Vec<u8>> {
        object::File::parse(&*self.bytes).ok()?.build_id().ok()?.map(<[u8]>::to_vec)
    }

    /// Whether it has this build id; nobody knows where one of the two has none.
    fn is_of(&self, id: Option<&[u8]>) -> Option<bool> {
        Some(self.id()? == id?)
    }
}

impl Place {
    /// Where a file of a name may be, for a binary at a path.
    fn named(&self, path: &Path, name: &str) -> Vec<PathBuf> {
        let Some(directory) = path.parent() else { return Vec::new() };
        if !self.directory.is_absolute() {
            return vec![directory.join(&self.directory).join(name)];
        }
        // A mirror of the file system, or one directory for all.
        let whole = std::path::absolute(directory).unwrap_or_else(|_| directory.to_owned());
        let mirrored = self.directory.join(whole.strip_prefix("/").unwrap_or(&whole)).join(name);
        vec![mirrored, self.directory.join(name)]
    }
}

/// `.build-id/ab/cdef.debug`
fn by_build_id(id: &[u8]) -> Option<PathBuf> {
    let (first, rest) = id.split_first()?;
    let rest: String = rest.iter().map(|byte| format!("{byte:02x}")).collect();
    Some(Path::new(".build-id").join(format!("{first:02x}")).join(format!("{rest}.debug")))
}

#[cfg(test)]
mod tests {
    use super::DebugPlaces;
    use std::path::Path;

    fn check(list: &str, expected: &[&str]) {
        let places = DebugPlaces::new(&[list.to_owned()]);
        let found = places.places.iter().flat_map(|place| place.named(Path::new("/usr/bin/app"), "app.debug"));
        assert_eq!(found.map(|path| path.display().to_string()).collect::<Vec<_>>(), expected, "{list}");
    }

    #[test]
    fn places_are_seen_from_the_binary() {
        check("", &["/usr/bin/app.debug"]);
        check(".debug:sub/dir", &["/usr/bin/.debug/app.debug", "/usr/bin/sub/dir/app.debug"]);
        check("/d", &["/d/usr/bin/app.debug", "/d/app.debug"]);
        assert!(DebugPlaces::new(&["+/d".to_owned()]).places[0].is_checked);
    }
}
