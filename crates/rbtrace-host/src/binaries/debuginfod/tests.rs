//! A server of a few lines, and what is asked of it.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};

use super::{Servers, Settings};

/// Answers requests until the listener's thread ends with the test; remembers their paths.
struct Server {
    url: String,
    asked: Arc<Mutex<Vec<String>>>,
}

fn serve(answer: fn(&str) -> Option<&'static [u8]>) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let url = format!("http://{}", listener.local_addr().expect("it is bound"));
    let asked = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&asked);
    std::thread::spawn(move || listener.incoming().flatten().for_each(|client| respond(client, answer, &log)));
    Server { url, asked }
}

fn respond(mut client: TcpStream, answer: fn(&str) -> Option<&'static [u8]>, log: &Mutex<Vec<String>>) {
    let mut lines = BufReader::new(client.try_clone().expect("a socket can be shared")).lines().map_while(Result::ok);
    let path = lines.next().and_then(|line| Some(line.split(' ').nth(1)?.to_owned())).unwrap_or_default();
    lines.find(String::is_empty);
    log.lock().expect("no test failed").push(path.clone());
    let (status, body) = answer(&path).map_or(("404 Not Found", &b"none"[..]), |body| ("200 OK", body));
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    // Who hangs up early has seen enough.
    let _ = client.write_all(head.as_bytes()).and_then(|()| client.write_all(body));
}

fn one_file(path: &str) -> Option<&'static [u8]> {
    (path == "/buildid/abcd/debuginfo").then_some(b"debug")
}

fn settings(url: &str, cache: &Path) -> Settings {
    let variables = HashMap::from([("DEBUGINFOD_URLS", url.to_owned()), ("DEBUGINFOD_CACHE_PATH", cache.display().to_string())]);
    Settings::from_variables(|name| variables.get(name).cloned())
}

/// A directory that is gone after the test.
struct Scratch(std::path::PathBuf);

impl Scratch {
    fn new(name: &str) -> Scratch {
        let path = std::env::temp_dir().join(format!("rbtrace-debuginfod-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).expect("there is room for a directory");
        Scratch(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn files_are_fetched_once_and_their_absence_is_remembered() {
    let (server, cache) = (serve(one_file), Scratch::new("once"));
    for _ in 0..2 {
        // Each is a run of its own.
        let servers = Servers::new(settings(&server.url, &cache.0)).expect("a server is named");
        let file = servers.debug_file(&[0xab, 0xcd]).expect("the server has it");
        assert_eq!(std::fs::read(&file).expect("it was written"), b"debug");
        assert_eq!((servers.debug_file(&[1]), servers.debug_file(&[1]), servers.debug_file(&[])), (None, None, None));
        assert_eq!(servers.take_complaints(), Vec::<String>::new());
    }
    assert_eq!(*server.asked.lock().expect("no test failed"), ["/buildid/abcd/debuginfo", "/buildid/01/debuginfo"]);
    // Where nothing is kept that long, it is asked again.
    std::fs::write(cache.0.join("cache_miss_s"), "0").expect("it can be written");
    assert_eq!(Servers::new(settings(&server.url, &cache.0)).expect("a server is named").debug_file(&[1]), None);
    assert_eq!(server.asked.lock().expect("no test failed").len(), 3);
}

#[test]
fn the_next_server_is_asked_and_one_that_fails_is_left_alone() {
    let dead = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port is free");
    let (server, cache) = (serve(one_file), Scratch::new("dead"));
    let servers = Servers::new(settings(&format!("http://{dead}/ {}", server.url), &cache.0)).expect("servers are named");
    assert_eq!(servers.debug_file(&[2]), None);
    assert!(servers.debug_file(&[0xab, 0xcd]).is_some());
    let complaints = servers.take_complaints();
    assert!(matches!(&complaints[..], [only] if only.starts_with(&format!("http://{dead} "))), "{complaints:?}");
    // Nobody knows what the dead one has.
    assert!(!cache.0.join("02").exists());
}

#[test]
fn what_is_too_large_or_cannot_be_kept_is_said() {
    let (server, cache) = (serve(one_file), Scratch::new("large"));
    let small = Settings { most_bytes: 3, ..settings(&server.url, &cache.0) };
    let servers = Servers::new(small).expect("a server is named");
    assert_eq!(servers.debug_file(&[0xab, 0xcd]), None);
    assert_eq!(servers.take_complaints().len(), 1);
    assert_eq!(std::fs::read_dir(cache.0.join("abcd")).expect("it was made").count(), 0);
    let nowhere = Servers::new(settings(&server.url, Path::new("/proc/nowhere"))).expect("a server is named");
    assert_eq!(nowhere.debug_file(&[0xab, 0xcd]), None);
    assert_eq!(nowhere.take_complaints().len(), 1);
}

#[test]
fn the_environment_says_whom_to_ask() {
    let of = |pairs: &[(&str, &str)]| {
        Settings::from_variables(|name| pairs.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned()))
    };
    assert!(Servers::new(of(&[("HOME", "/root")])).is_none() && Servers::new(of(&[("DEBUGINFOD_URLS", " ")])).is_none());
    let usual = of(&[("DEBUGINFOD_URLS", "https://a/ http://b"), ("HOME", "/nowhere")]);
    assert_eq!(
        (usual.urls.as_slice(), usual.cache.as_path()),
        (&["https://a".into(), "http://b".into()][..], Path::new("/nowhere/.cache/debuginfod_client"))
    );
    let other = of(&[("XDG_CACHE_HOME", "/c"), ("DEBUGINFOD_TIMEOUT", "3"), ("DEBUGINFOD_MAXSIZE", "9")]);
    assert_eq!((other.cache.as_path(), other.patience.as_secs(), other.most_bytes), (Path::new("/c/debuginfod_client"), 3, 9));
}
