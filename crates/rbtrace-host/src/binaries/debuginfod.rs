//! Debug files from servers that the user names (`DEBUGINFOD_URLS`): asked by build id when nothing on this machine helps, kept where other
//! tools keep and find them. Who knows no such server asks none. Knows no ELF.

use std::collections::{HashMap, HashSet};
use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, SystemTime};

use ureq::Agent;
use ureq::tls::{RootCerts, TlsConfig, TlsProvider};

/// A server that does not answer that long is given up; `DEBUGINFOD_TIMEOUT` says another time.
const PATIENCE: Duration = Duration::from_secs(90);
/// For the network to find it.
const CONNECT: Duration = Duration::from_secs(10);
/// Longer no file takes; `DEBUGINFOD_MAXTIME` says another time.
const MOST_TIME: Duration = Duration::from_secs(600);
/// As long it is remembered that no server has a file, unless the cache says something else.
const MISS: Duration = Duration::from_secs(600);

/// What the user's environment says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// In the order they are asked.
    urls: Vec<String>,
    cache: PathBuf,
    patience: Duration,
    most_time: Duration,
    most_bytes: u64,
}

impl Settings {
    /// From variables, as all such clients read them.
    pub fn from_variables(get: impl Fn(&str) -> Option<String>) -> Settings {
        let get = |name: &str| get(name).filter(|value| !value.is_empty());
        let number = |name: &str| get(name)?.parse::<u64>().ok().filter(|number| *number > 0);
        let seconds = |name: &str| number(name).map(Duration::from_secs);
        let home = PathBuf::from(get("HOME").unwrap_or("/".into()));
        let old = Some(home.join(".debuginfod_client_cache")).filter(|old| old.is_dir());
        let below = |directory: PathBuf| directory.join("debuginfod_client");
        let usual = || below(get("XDG_CACHE_HOME").map_or_else(|| home.join(".cache"), PathBuf::from));
        Settings {
            urls: get("DEBUGINFOD_URLS").unwrap_or_default().split_whitespace().map(|url| url.trim_end_matches('/').to_owned()).collect(),
            cache: get("DEBUGINFOD_CACHE_PATH").map(PathBuf::from).or(old).unwrap_or_else(usual),
            patience: seconds("DEBUGINFOD_TIMEOUT").unwrap_or(PATIENCE),
            most_time: seconds("DEBUGINFOD_MAXTIME").unwrap_or(MOST_TIME),
            most_bytes: number("DEBUGINFOD_MAXSIZE").unwrap_or(u64::MAX),
        }
    }
}

/// The servers.
#[derive(Debug)]
pub struct Servers {
    settings: Settings,
    agent: OnceLock<Agent>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// By build id: where the file is now.
    answers: HashMap<String, Option<PathBuf>>,
    /// Servers that failed; they are not asked again.
    failed: HashSet<String>,
    complaints: Vec<String>,
}

/// Why a server gave no file, though it may have one.
enum Failure {
    /// It cannot be talked to.
    Server(String),
    /// This file cannot be had.
    File(String),
}

impl Servers {
    /// The servers that the user names, if any.
    pub fn new(settings: Settings) -> Option<Servers> {
        (!settings.urls.is_empty()).then(|| Servers { settings, agent: OnceLock::new(), state: Mutex::default() })
    }

    /// The debug file of a build.
    pub fn debug_file(&self, id: &[u8]) -> Option<PathBuf> {
        let id: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = state.answers.get(&id) {
            return known.clone();
        }
        let found = if id.is_empty() { None } else { self.look(&id, &mut state) };
        state.answers.insert(id, found.clone());
        found
    }

    /// What went wrong since this was last asked.
    pub fn take_complaints(&self) -> Vec<String> {
        std::mem::take(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner).complaints)
    }

    fn look(&self, id: &str, state: &mut State) -> Option<PathBuf> {
        let directory = self.settings.cache.join(id);
        let file = directory.join("debuginfo");
        match self.cached(&file) {
            Some(true) => return Some(file),
            Some(false) => return None,
            None => {}
        }
        let mut has_none = true;
        for url in &self.settings.urls {
            if state.failed.contains(url) {
                has_none = false;
                continue;
            }
            let complaint = match self.download(&format!("{url}/buildid/{id}/debuginfo"), &file) {
                Ok(true) => return Some(file),
                Ok(false) => continue,
                Err(Failure::File(why)) => format!("the debug file of build {id} could not be had from {url}: {why}"),
                Err(Failure::Server(why)) => {
                    state.failed.insert(url.clone());
                    format!("{url} (DEBUGINFOD_URLS) could not be asked for debug information and is left alone from now on: {why}")
                }
            };
            has_none = false;
            state.complaints.push(complaint);
        }
        if has_none {
            // An empty file says so to other tools, too; one that cannot be written costs them the question, nothing else.
            let _ = fs::create_dir_all(&directory).and_then(|()| create(&file));
        }
        None
    }

    /// Whether the cache has a file; that it has none may be said, too.
    fn cached(&self, file: &Path) -> Option<bool> {
        let metadata = fs::metadata(file).ok()?;
        if metadata.len() > 0 {
            return Some(true);
        }
        let said = fs::read_to_string(self.settings.cache.join("cache_miss_s"));
        let valid = said.ok().and_then(|text| text.trim().parse().ok()).map_or(MISS, Duration::from_secs);
        let age = metadata.modified().ok().and_then(|time| SystemTime::now().duration_since(time).ok());
        if age.is_none_or(|age| age < valid) {
            return Some(false);
        }
        // It may be there by now.
        fs::remove_file(file).ok()?;
        None
    }

    /// `false`: the server has no such file.
    fn download(&self, url: &str, file: &Path) -> Result<bool, Failure> {
        let response = match self.agent().get(url).call() {
            Ok(response) => response,
            Err(ureq::Error::StatusCode(404)) => return Ok(false),
            Err(error) => return Err(Failure::Server(error.to_string())),
        };
        let mut body = response.into_body().into_with_config().limit(self.settings.most_bytes).reader();
        let part = file.with_extension(std::process::id().to_string());
        let mut write = || {
            fs::create_dir_all(file.parent().unwrap_or(file))?;
            io::copy(&mut body, &mut create(&part)?)?;
            fs::rename(&part, file)
        };
        write().map(|()| true).map_err(|error: io::Error| {
            // What is left of it helps nobody.
            let _ = fs::remove_file(&part);
            Failure::File(error.to_string())
        })
    }

    fn agent(&self) -> &Agent {
        self.agent.get_or_init(|| {
            let tls = TlsConfig::builder()
                .provider(TlsProvider::Rustls)
                .root_certs(RootCerts::PlatformVerifier)
                .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()));
            let config = Agent::config_builder()
                .tls_config(tls.build())
                .user_agent(concat!("rbtrace/", env!("CARGO_PKG_VERSION")))
                .timeout_connect(Some(CONNECT.min(self.settings.patience)))
                .timeout_recv_response(Some(self.settings.patience))
                .timeout_per_read(Some(self.settings.patience))
                .timeout_global(Some(self.settings.most_time));
            config.build().new_agent()
        })
    }
}

/// A new file that others may not write.
fn create(path: &Path) -> io::Result<fs::File> {
    OpenOptions::new().write(true).create(true).truncate(true).mode(0o644).open(path)
}

#[cfg(test)]
mod tests;
