//! What the event loop is to hear of, in a queue that wakes it once however much lies in it.

use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::HeaderMap;

use crate::call::Call;
use crate::framing::Status;

/// Something that happened to a call. It begins with its first message, or without one if its request has none.
pub enum Event {
    Began(Arc<Call>, Option<Bytes>),
    Message(u64, Bytes),
    RequestEnded(u64),
    /// There is room for responses again.
    Room(u64),
    /// The client has gone, or its time is over: nobody waits for an answer any more.
    Gone(u64),
    /// A call that was made is answered: what its answer opens with.
    Opened(u64, HeaderMap),
    /// A call that was made has ended.
    Ended(u64, Status),
    /// A listener has ended, and so has the last of its connections.
    Closed(u64),
}

/// Filled by the transport's thread, emptied by the event loop's.
pub struct Arrivals {
    events: Mutex<Vec<Event>>,
    bell: UnixStream,
    heard: UnixStream,
}

impl Arrivals {
    pub fn new() -> io::Result<Self> {
        let (bell, heard) = UnixStream::pair()?;
        bell.set_nonblocking(true)?;
        heard.set_nonblocking(true)?;
        Ok(Self { events: Mutex::default(), bell, heard })
    }

    /// What becomes readable when there is something.
    pub fn fd(&self) -> RawFd {
        self.heard.as_raw_fd()
    }

    /// Only the first after the queue was emptied rings: the others would wake nobody who is not awake.
    pub fn push(&self, event: Event) {
        let is_first = {
            let mut events = self.events.lock().expect("nothing panics holding it");
            events.push(event);
            events.len() == 1
        };
        if is_first {
            // A full socket rings as well; nothing else can go wrong with a pair this process holds both ends of.
            let _ = (&self.bell).write(&[1]);
        }
    }

    /// Everything, in the order it came. The bell is silenced first, so that whatever comes later rings again.
    pub fn take(&self) -> Vec<Event> {
        let mut rung = [0; 64];
        while (&self.heard).read(&mut rung).is_ok_and(|read| read == rung.len()) {}
        std::mem::take(&mut *self.events.lock().expect("nothing panics holding it"))
    }
}
