//! What the event loop says to calls, in a queue that wakes the transport once however much lies in it: waking it for
//! each reply would cost a system call each.

use std::sync::{Arc, Mutex};

use tokio::sync::Notify;

use crate::call::{Call, Reply};

/// Filled by the event loop's thread, emptied by the transport's.
#[derive(Default)]
pub struct Replies {
    waiting: Mutex<Vec<(Arc<Call>, Reply)>>,
    bell: Notify,
}

impl Replies {
    pub fn push(&self, call: Arc<Call>, reply: Reply) {
        let is_first = {
            let mut waiting = self.waiting.lock().expect("nothing panics holding it");
            waiting.push((call, reply));
            waiting.len() == 1
        };
        if is_first {
            self.bell.notify_one();
        }
    }

    /// Hand replies to their calls, for ever.
    pub async fn deliver(&self) {
        loop {
            self.bell.notified().await;
            let replies = std::mem::take(&mut *self.waiting.lock().expect("nothing panics holding it"));
            for (call, reply) in replies {
                call.take(reply);
            }
        }
    }
}
