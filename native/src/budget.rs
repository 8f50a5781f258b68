//! What clients may have the server remember for them, all of them together: requests it has not answered, and answers
//! they have not taken. What one client does is bounded by flow control, by the calls of a connection, by the message
//! limit; thousands that do so together are bounded here.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::sync::Notify;

use crate::framing::{Status, code};

const MOST_REQUEST_BYTES: usize = 256 * 1024 * 1024;
const MOST_ANSWER_BYTES: usize = 256 * 1024 * 1024;

/// What is held for all clients together.
pub struct Budget {
    request_bytes: AtomicUsize,
    most_request_bytes: usize,
    answer_bytes: AtomicUsize,
    most_answer_bytes: usize,
    trays: AtomicUsize,
}

impl Default for Budget {
    fn default() -> Self {
        Self::of(MOST_REQUEST_BYTES, MOST_ANSWER_BYTES)
    }
}

impl Budget {
    fn of(most_request_bytes: usize, most_answer_bytes: usize) -> Self {
        Self {
            request_bytes: AtomicUsize::new(0),
            most_request_bytes,
            answer_bytes: AtomicUsize::new(0),
            most_answer_bytes,
            trays: AtomicUsize::new(0),
        }
    }
}

/// The bytes of one request, from the first that comes until its call has ended.
pub struct Held {
    of: Arc<Budget>,
    bytes: usize,
}

impl Held {
    pub fn new(of: Arc<Budget>) -> Self {
        Self { of, bytes: 0 }
    }

    /// Another one of the same budget.
    pub fn beside(&self) -> Self {
        Self::new(self.of.clone())
    }

    /// It is so many now. Fails with the status that refuses more than there is room for.
    pub fn hold(&mut self, bytes: usize) -> Result<(), Status> {
        if bytes <= self.bytes {
            self.of.request_bytes.fetch_sub(self.bytes - bytes, Ordering::Relaxed);
            self.bytes = bytes;
            return Ok(());
        }
        let added = bytes - self.bytes;
        self.bytes = bytes;
        if self.of.request_bytes.fetch_add(added, Ordering::Relaxed) + added > self.of.most_request_bytes {
            return Err(Status::new(code::RESOURCE_EXHAUSTED, "too much of too many requests has come in at once"));
        }
        Ok(())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.of.request_bytes.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// The answers of one connection that its client has not taken. When all trays together hold too much, those that hold
/// more than their share overflow; so others are served however many take nothing.
pub struct Tray {
    of: Arc<Budget>,
    bytes: AtomicUsize,
    overflow: Notify,
}

impl Tray {
    pub fn new(of: Arc<Budget>) -> Self {
        of.trays.fetch_add(1, Ordering::Relaxed);
        Self { of, bytes: AtomicUsize::new(0), overflow: Notify::new() }
    }

    pub fn put(&self, bytes: usize) {
        let all = self.of.answer_bytes.fetch_add(bytes, Ordering::Relaxed) + bytes;
        let own = self.bytes.fetch_add(bytes, Ordering::Relaxed) + bytes;
        if all > self.of.most_answer_bytes {
            let share = self.of.most_answer_bytes / self.of.trays.load(Ordering::Relaxed).max(1);
            if own > share {
                self.overflow.notify_one();
            }
        }
    }

    pub fn take(&self, bytes: usize) {
        self.of.answer_bytes.fetch_sub(bytes, Ordering::Relaxed);
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
    }

    pub async fn overflows(&self) {
        self.overflow.notified().await;
    }
}

impl Default for Tray {
    fn default() -> Self {
        Self::new(Arc::default())
    }
}

impl Drop for Tray {
    fn drop(&mut self) {
        self.of.trays.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What a call is counted by. The default is bounded by nothing: that of calls this process makes itself.
#[derive(Default)]
pub struct Costs {
    pub held: Mutex<Option<Held>>,
    pub tray: Arc<Tray>,
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Waker};

    use super::*;

    fn overflows(tray: &Tray) -> bool {
        pin!(tray.overflows()).poll(&mut Context::from_waker(Waker::noop())).is_ready()
    }

    #[test]
    fn requests_are_refused_while_there_is_no_room_for_them() {
        let budget = Arc::new(Budget::of(100, 0));
        let mut first = Held::new(budget.clone());
        let mut second = Held::new(budget.clone());
        assert!(first.hold(60).is_ok());
        assert!(first.hold(50).is_ok());
        assert!(second.hold(50).is_ok());
        assert_eq!(second.hold(51).unwrap_err().code, code::RESOURCE_EXHAUSTED);
        drop(first);
        assert!(second.hold(100).is_ok());
        drop(second);
        assert_eq!(budget.request_bytes.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn who_holds_more_than_its_share_overflows_and_only_when_all_is_too_much() {
        let budget = Arc::new(Budget::of(0, 100));
        let (large, small) = (Tray::new(budget.clone()), Tray::new(budget.clone()));
        large.put(90);
        assert!(!overflows(&large));
        small.put(20);
        assert!(!overflows(&small), "it holds less than half of all");
        large.put(1);
        assert!(overflows(&large));
        large.take(91);
        small.put(60);
        assert!(!overflows(&small), "there is room for all");
        small.take(80);
        assert_eq!(budget.answer_bytes.load(Ordering::Relaxed), 0);
    }
}
