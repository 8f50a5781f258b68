//! gRPC over HTTP/2 for an asyncio event loop.
//!
//! HTTP/2, TLS and gRPC's framing run on a thread of their own that never takes the interpreter's lock. What comes in
//! lies in a queue, whose descriptor becomes readable; the event loop empties it whole, answers at once what it can and
//! the rest when it can, and its answers lie in a queue that the transport's thread empties whole. So neither wakes the
//! other more often than once for all there is to do, and the two never wait for each other's locks for long.

mod answer;
mod arrivals;
mod budget;
mod call;
mod client;
mod framing;
mod listener;
mod python;
mod refusals;
mod replies;
mod service;
mod tls;
