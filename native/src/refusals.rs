//! What is refused before the event loop hears of it, counted by why.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::framing::{Status, code};

/// Why a connection or a call is refused.
#[derive(Clone, Copy)]
pub enum Reason {
    /// There are as many connections as may be.
    Connections,
    /// It is a request of HTTP/2, but no call of gRPC.
    NotGrpc,
    /// No such method, no such compression, more messages than the method takes.
    Unimplemented,
    /// A message, its metadata, or what is held for all calls.
    TooLarge,
    Malformed,
    /// It has not come in within its time.
    TooSlow,
    /// Its client has left before it had come in.
    CutOff,
}

impl Reason {
    const ALL: [(Self, &'static str); 7] = [
        (Self::Connections, "connections"),
        (Self::NotGrpc, "not_grpc"),
        (Self::Unimplemented, "unimplemented"),
        (Self::TooLarge, "too_large"),
        (Self::Malformed, "malformed"),
        (Self::TooSlow, "too_slow"),
        (Self::CutOff, "cut_off"),
    ];

    fn of(status: &Status) -> Self {
        match status.code {
            code::UNIMPLEMENTED => Self::Unimplemented,
            code::RESOURCE_EXHAUSTED => Self::TooLarge,
            code::DEADLINE_EXCEEDED => Self::TooSlow,
            code::CANCELLED => Self::CutOff,
            _ => Self::Malformed,
        }
    }
}

/// How many were refused for each reason.
#[derive(Default)]
pub struct Refusals([AtomicU64; Reason::ALL.len()]);

impl Refusals {
    pub fn count(&self, reason: Reason) {
        self.0[reason as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub fn count_status(&self, status: &Status) {
        self.count(Reason::of(status));
    }

    pub fn counted(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        Reason::ALL.iter().map(|&(reason, name)| (name, self.0[reason as usize].load(Ordering::Relaxed)))
    }
}
