//! systemd's service notification: one datagram per change of state (`sd_notify(3)`). Nobody waits for it, so that a failure is no failure of ours.

use std::ffi::OsStr;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// Everything is attached.
pub const READY: &str = "READY=1";
/// The end begins.
pub const STOPPING: &str = "STOPPING=1";

/// Sends a state to the service manager's socket, if there is one; says what went wrong.
pub fn tell(socket: Option<&OsStr>, state: &str) -> Option<String> {
    let error = send(socket?, state).err()?;
    Some(format!("the service manager cannot be told {state}: {error}"))
}

fn send(socket: &OsStr, state: &str) -> io::Result<()> {
    // An `@` stands for the NUL of an abstract address, which is no file.
    let address = match socket.as_bytes().strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(socket)?,
    };
    UnixDatagram::unbound()?.send_to_addr(state.as_bytes(), &address).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_arrive() {
        let name = format!("rbtrace-notify-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).expect("a short name");
        let manager = UnixDatagram::bind_addr(&address).expect("nobody else has this name");
        send(OsStr::new(&format!("@{name}")), READY).expect("somebody listens");
        let mut state = [0; 16];
        let length = manager.recv(&mut state).expect("it was sent");
        assert_eq!(&state[..length], READY.as_bytes());
    }
}
