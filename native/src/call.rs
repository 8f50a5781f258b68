//! One call, shared between the transport, which waits for its replies, and the event loop, which gives them.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::HeaderMap;
use tokio::sync::{Notify, Semaphore};
use tokio::task::AbortHandle;
use tokio::time::Instant;

use crate::arrivals::{Arrivals, Event};
use crate::budget::Costs;
use crate::framing::Status;

/// Responses that may wait for a client to take them before the handler is told to wait, in bytes.
const ROOM_BYTES: usize = 64 * 1024;

/// What a handler says. Messages are framed.
pub enum Reply {
    /// The only message of a call that succeeds.
    Only(Bytes),
    /// The stream stands, and opens with these headers; messages may follow.
    Open(HeaderMap),
    Message(Bytes),
    End(Status),
}

pub struct Call {
    pub id: u64,
    /// The number of its method, as the listener was told.
    pub method: usize,
    pub headers: HeaderMap,
    /// Where it comes from; of a call that was made, where it goes.
    pub peer: String,
    pub deadline: Option<Instant>,
    replies: Mutex<Waiting>,
    waiting_bytes: AtomicUsize,
    wants_room: AtomicBool,
    is_over: AtomicBool,
    /// How many more messages of a stream the event loop is ready to take.
    demand: Semaphore,
    costs: Costs,
    /// Of a call that was made: the event loop wants no more of it.
    given_up: Notify,
}

#[derive(Default)]
struct Waiting {
    replies: VecDeque<Reply>,
    reader: Option<Waker>,
}

impl Call {
    pub fn new(
        id: u64,
        method: usize,
        headers: HeaderMap,
        peer: String,
        deadline: Option<Instant>,
        costs: Costs,
    ) -> Self {
        Self {
            id,
            method,
            headers,
            peer,
            deadline,
            replies: Mutex::default(),
            waiting_bytes: AtomicUsize::new(0),
            wants_room: AtomicBool::new(false),
            is_over: AtomicBool::new(false),
            demand: Semaphore::new(0),
            costs,
            given_up: Notify::new(),
        }
    }

    /// True once nobody waits for replies any more.
    pub fn is_over(&self) -> bool {
        self.is_over.load(Ordering::SeqCst)
    }

    /// Count what is about to be replied, until the client takes it; how much that is in all.
    pub fn put(&self, bytes: usize) -> usize {
        self.costs.tray.put(bytes);
        self.waiting_bytes.fetch_add(bytes, Ordering::SeqCst) + bytes
    }

    /// Count a message that is about to be replied; false if the handler should wait for `Event::Room`.
    pub fn has_room_after(&self, bytes: usize) -> bool {
        if self.put(bytes) <= ROOM_BYTES {
            return true;
        }
        self.wants_room.store(true, Ordering::SeqCst);
        // The transport may have sent everything before it could see the wish.
        self.waiting_bytes.load(Ordering::SeqCst) <= ROOM_BYTES / 2 && self.wants_room.swap(false, Ordering::SeqCst)
    }

    /// Take a reply from the event loop. What comes after the end is dropped.
    pub fn take(&self, reply: Reply) {
        if self.is_over() {
            return;
        }
        let reader = {
            let mut waiting = self.replies.lock().expect("nothing panics holding it");
            waiting.replies.push_back(reply);
            waiting.reader.take()
        };
        if let Some(reader) = reader {
            reader.wake();
        }
    }

    pub fn poll_reply(&self, context: &mut Context<'_>) -> Poll<Reply> {
        let mut waiting = self.replies.lock().expect("nothing panics holding it");
        if let Some(reply) = waiting.replies.pop_front() {
            return Poll::Ready(reply);
        }
        waiting.reader = Some(context.waker().clone());
        Poll::Pending
    }

    pub async fn reply(&self) -> Reply {
        poll_fn(|context| self.poll_reply(context)).await
    }

    /// Count what the client has taken.
    pub fn taken(&self, bytes: usize, arrivals: &Arrivals) {
        self.costs.tray.take(bytes);
        let before = self.waiting_bytes.fetch_sub(bytes, Ordering::SeqCst);
        if before - bytes <= ROOM_BYTES / 2 && self.wants_room.swap(false, Ordering::SeqCst) {
            arrivals.push(Event::Room(self.id));
        }
    }

    /// Say that the event loop is ready for another message.
    pub fn ask(&self) {
        self.demand.add_permits(1);
    }

    /// Want no more of a call that was made.
    pub fn give_up(&self) {
        self.given_up.notify_one();
    }

    pub async fn is_given_up(&self) {
        self.given_up.notified().await;
    }

    /// Nobody waits for anything any more; true if it was not over before.
    pub fn end(&self) -> bool {
        !self.is_over.swap(true, Ordering::SeqCst)
    }

    /// Wait until the event loop is ready for another message.
    pub async fn asked(&self) {
        self.demand.acquire().await.expect("never closed").forget();
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.costs.tray.take(self.waiting_bytes.load(Ordering::SeqCst));
    }
}

/// Held by whatever answers a call in the transport. Dropped before the end, it tells the event loop that the client
/// has gone.
pub struct Lease {
    pub call: Arc<Call>,
    pub arrivals: Arc<Arrivals>,
    beside: Vec<AbortHandle>,
}

impl Lease {
    pub fn new(call: Arc<Call>, arrivals: Arc<Arrivals>) -> Self {
        Self { call, arrivals, beside: Vec::new() }
    }

    /// Have a task end with the call.
    pub fn keep(&mut self, task: AbortHandle) {
        self.beside.push(task);
    }

    /// The handler has ended the call, and has no more use for its request.
    pub fn ended(&self) {
        self.call.end();
        self.call.costs.held.lock().expect("nothing panics holding it").take();
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        for task in &self.beside {
            task.abort();
        }
        if self.call.end() {
            self.arrivals.push(Event::Gone(self.call.id));
        }
    }
}
