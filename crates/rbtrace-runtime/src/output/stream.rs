//! Where output goes and when: one buffer before the file, standard error beside it.

use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;

use anyhow::{Context, Result};

use crate::Buffering;
use crate::output::Stream;

/// A buffer of this size is written out whatever `-B` says.
const FULL: usize = 64 << 10;

/// The script's output.
#[derive(Debug)]
pub struct Sink {
    file: File,
    buffering: Buffering,
    /// Bytes not yet written.
    pub buffer: Vec<u8>,
    /// What is said and written goes here instead, while there is such a place.
    captured: Option<Vec<u8>>,
    /// Why nothing more can be written.
    failure: Option<io::Error>,
}

impl Sink {
    /// Standard output, or a file that is emptied first.
    pub fn open(path: Option<&Path>, buffering: Buffering) -> Result<Self> {
        let file = match path {
            Some(path) => File::create(path).with_context(|| format!("creating {}", path.display()))?,
            None => File::from(io::stdout().as_fd().try_clone_to_owned().context("opening the standard output")?),
        };
        Ok(Self { file, buffering, buffer: Vec::with_capacity(FULL * 2), captured: None, failure: None })
    }

    /// Called after each record.
    pub fn after_record(&mut self) {
        if self.buffer.len() >= FULL || self.buffering == Buffering::None {
            self.flush();
        }
    }

    /// Called when all records that had arrived are handled.
    pub fn after_drain(&mut self) {
        match self.buffering {
            Buffering::Line | Buffering::None => self.flush(),
            Buffering::Full => {}
        }
    }

    /// Writes everything out.
    pub fn flush(&mut self) {
        if let Some(captured) = &mut self.captured {
            captured.append(&mut self.buffer);
            return;
        }
        if !self.buffer.is_empty() && self.failure.is_none() {
            self.failure = self.file.write_all(&self.buffer).err();
        }
        self.buffer.clear();
    }

    /// Lets somebody write who says only then where it belongs.
    pub fn put(&mut self, write: impl FnOnce(&mut Vec<u8>) -> Stream) {
        let start = self.buffer.len();
        let stream = write(&mut self.buffer);
        if stream == Stream::Err {
            let text = self.buffer.split_off(start);
            self.say(stream, &text);
        }
    }

    /// Puts a text where it belongs. What is on its way to the output comes first, so that a terminal shows both in their order.
    pub fn say(&mut self, stream: Stream, text: &[u8]) {
        match stream {
            Stream::Out => self.buffer.extend_from_slice(text),
            Stream::Err if self.captured.is_some() => self.buffer.extend_from_slice(text),
            Stream::Err => {
                self.after_drain();
                // Nobody is left to be told that stderr is gone.
                let _ = io::stderr().write_all(text);
            }
        }
    }

    /// Keeps everything back from now on.
    pub fn capture(&mut self) {
        self.flush();
        self.captured = Some(Vec::new());
    }

    /// What was kept back since [`Sink::capture`].
    pub fn release(&mut self) -> Vec<u8> {
        self.flush();
        self.captured.take().unwrap_or_default()
    }

    /// Whether nothing can be written any more.
    pub fn is_broken(&self) -> bool {
        self.failure.is_some()
    }

    /// The failure, unless the reader just went away: that ends a run quietly.
    pub fn finish(&mut self) -> Result<()> {
        self.flush();
        match self.failure.take() {
            Some(error) if error.kind() != ErrorKind::BrokenPipe => Err(error).context("writing the output"),
            Some(_) | None => Ok(()),
        }
    }
}

impl AsFd for Sink {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pipe(buffering: Buffering) -> (File, Sink) {
        let (reader, writer) = rustix::pipe::pipe().expect("a pipe");
        (File::from(reader), Sink { file: File::from(writer), buffering, buffer: Vec::new(), captured: None, failure: None })
    }

    fn available(reader: &File) -> u64 {
        rustix::io::ioctl_fionread(reader).expect("a pipe knows its length")
    }

    #[test]
    fn a_line_is_never_held_longer_than_the_drain() {
        let (reader, mut sink) = pipe(Buffering::Line);
        sink.say(Stream::Out, b"one\n");
        sink.after_record();
        assert_eq!(available(&reader), 0);
        sink.after_drain();
        assert_eq!(available(&reader), 4);
    }

    #[test]
    fn full_waits_and_none_does_not() {
        let (reader, mut sink) = pipe(Buffering::Full);
        sink.say(Stream::Out, b"one\n");
        sink.after_drain();
        assert_eq!(available(&reader), 0);
        sink.finish().expect("written");
        assert_eq!(available(&reader), 4);
        let (reader, mut sink) = pipe(Buffering::None);
        sink.say(Stream::Out, b"x");
        sink.after_record();
        assert_eq!(available(&reader), 1);
    }

    #[test]
    fn a_reader_that_goes_away_is_no_error() {
        let (reader, mut sink) = pipe(Buffering::None);
        drop(reader);
        sink.say(Stream::Out, b"x");
        sink.after_record();
        assert!(sink.is_broken());
        sink.finish().expect("quiet");
    }
}
