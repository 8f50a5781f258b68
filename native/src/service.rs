//! One request of HTTP/2 as a call of gRPC: read, handed to the event loop, answered.

use std::collections::HashMap;
use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body::Body;
use hyper::body::Incoming;
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::answer::Answer;
use crate::arrivals::{Arrivals, Event};
use crate::call::{Call, Lease, Reply};
use crate::framing::{Encoding, Status, Unframer, code, timeout_of};

/// How long the only message of a request may take to come in whole.
const REQUEST_TIME: Duration = Duration::from_secs(60);
/// Bytes of requests that are not complete yet, of all clients together.
const MOST_INCOMPLETE_BYTES: usize = 256 * 1024 * 1024;

/// What a method takes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Takes {
    One,
    /// A stream whose first message says what is wanted: the call begins with it.
    StreamFromFirst,
    /// A stream that is answered before there is any message.
    Stream,
}

/// What every connection serves.
pub struct Service {
    /// By path, `/package.Service/Method`: its number for the event loop, and what it takes.
    methods: HashMap<String, (usize, Takes)>,
    most_message_bytes: usize,
    arrivals: Arc<Arrivals>,
    calls: AtomicU64,
    incomplete_bytes: AtomicUsize,
}

impl Service {
    pub fn new(methods: HashMap<String, (usize, Takes)>, most_message_bytes: usize, arrivals: Arc<Arrivals>) -> Self {
        Self {
            methods,
            most_message_bytes,
            arrivals,
            calls: AtomicU64::new(0),
            incomplete_bytes: AtomicUsize::new(0),
        }
    }

    pub async fn answer(&self, request: Request<Incoming>, peer: &str) -> Response<Answer> {
        if request.method() != Method::POST {
            return Answer::refused(StatusCode::METHOD_NOT_ALLOWED);
        }
        let content_type = request.headers().get(CONTENT_TYPE).map_or(&[][..], |value| value.as_bytes());
        if !content_type.starts_with(b"application/grpc") {
            return Answer::refused(StatusCode::UNSUPPORTED_MEDIA_TYPE);
        }
        self.called(request, peer).await.unwrap_or_else(|status| Answer::failed(&status))
    }

    async fn called(&self, request: Request<Incoming>, peer: &str) -> Result<Response<Answer>, Status> {
        let (head, body) = request.into_parts();
        let Some(&(method, takes)) = self.methods.get(head.uri.path()) else {
            return Err(Status::new(code::UNIMPLEMENTED, "Method not found!"));
        };
        let deadline = deadline_of(&head.headers)?;
        let unframer = Unframer::new(encoding_of(&head.headers)?, self.most_message_bytes);
        let number = self.calls.fetch_add(1, Ordering::Relaxed);
        let call = |headers| Arc::new(Call::new(number, method, headers, peer.to_owned(), deadline));
        match takes {
            Takes::One => {
                let by = Instant::now() + REQUEST_TIME;
                let by = deadline.map_or(by, |deadline| deadline.min(by));
                let message = timeout_at(by, self.only_message(body, unframer)).await.map_err(|_| too_late())??;
                let lease = Lease::new(call(head.headers), self.arrivals.clone());
                self.arrivals.push(Event::Began(lease.call.clone(), Some(message)));
                Self::replied(lease).await
            }
            Takes::StreamFromFirst | Takes::Stream => {
                let mut messages = Messages { body, unframer, trailers: HeaderMap::new() };
                let mut first = None;
                let mut is_all = false;
                if takes == Takes::StreamFromFirst {
                    // Clients that are refused before they could say anything take it for a fault of the connection.
                    let by = Instant::now() + REQUEST_TIME;
                    let by = deadline.map_or(by, |deadline| deadline.min(by));
                    first = timeout_at(by, messages.next()).await.map_err(|_| too_late())??;
                    is_all = first.is_none();
                }
                let mut lease = Lease::new(call(head.headers), self.arrivals.clone());
                self.arrivals.push(Event::Began(lease.call.clone(), first));
                if !is_all {
                    let reading = read_messages(messages, lease.call.clone(), self.arrivals.clone());
                    lease.keep(tokio::spawn(reading).abort_handle());
                }
                Self::replied(lease).await
            }
        }
    }

    /// Wait for the first the handler says, within the call's time.
    async fn replied(mut lease: Lease) -> Result<Response<Answer>, Status> {
        let deadline = lease.call.deadline;
        let first = tokio::select! {
            biased;
            reply = lease.call.reply(&lease.arrivals) => reply,
            () = over(deadline) => return Err(too_late()),
        };
        match first {
            Reply::Only(message) => {
                lease.ended();
                Ok(Answer::only(message))
            }
            Reply::End(status) => {
                lease.ended();
                Err(status)
            }
            Reply::Open(_) | Reply::Message(_) => {
                if deadline.is_some() {
                    lease.keep(tokio::spawn(cut_off(lease.call.clone(), lease.arrivals.clone())).abort_handle());
                }
                let (headers, message) = match first {
                    Reply::Open(headers) => (headers, None),
                    Reply::Message(message) => (HeaderMap::new(), Some(message)),
                    Reply::Only(_) | Reply::End(_) => unreachable!("seen above"),
                };
                Ok(Answer::stream(headers, message, lease))
            }
        }
    }

    /// The message of a request that has just one.
    async fn only_message(&self, mut body: Incoming, mut unframer: Unframer) -> Result<Bytes, Status> {
        let mut held = Held { of: &self.incomplete_bytes, bytes: 0 };
        let mut message = None;
        while let Some(part) = next_part(&mut body).await? {
            let Ok(part) = part else { continue };
            unframer.push(&part);
            while let Some(found) = unframer.next()? {
                if message.replace(found).is_some() {
                    return Err(Status::new(code::UNIMPLEMENTED, "the method takes one message, and there are more"));
                }
            }
            held.hold(unframer.waiting_bytes())?;
        }
        match message {
            Some(message) if unframer.waiting_bytes() == 0 => Ok(message),
            _ => Err(Status::new(code::INTERNAL, "the request ends before its message does")),
        }
    }
}

/// Bytes counted while a request is not complete.
struct Held<'a> {
    of: &'a AtomicUsize,
    bytes: usize,
}

impl Held<'_> {
    fn hold(&mut self, bytes: usize) -> Result<(), Status> {
        let before = self.of.fetch_add(bytes, Ordering::Relaxed);
        self.of.fetch_sub(self.bytes, Ordering::Relaxed);
        let added = bytes.saturating_sub(self.bytes);
        self.bytes = bytes;
        if added > 0 && before + bytes > MOST_INCOMPLETE_BYTES {
            return Err(Status::new(code::RESOURCE_EXHAUSTED, "too much of too many requests has come in at once"));
        }
        Ok(())
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.of.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// The messages of a stream.
pub struct Messages {
    pub body: Incoming,
    pub unframer: Unframer,
    /// What came after the last of them, once there is no next.
    pub trailers: HeaderMap,
}

impl Messages {
    pub async fn next(&mut self) -> Result<Option<Bytes>, Status> {
        loop {
            if let Some(message) = self.unframer.next()? {
                return Ok(Some(message));
            }
            match next_part(&mut self.body).await? {
                Some(Ok(part)) => self.unframer.push(&part),
                Some(Err(trailers)) => self.trailers = trailers,
                None => return Ok(None),
            }
        }
    }
}

/// Hand the messages that follow the first to the event loop, each when it asks for it.
async fn read_messages(mut messages: Messages, call: Arc<Call>, arrivals: Arc<Arrivals>) {
    loop {
        call.asked().await;
        match messages.next().await {
            Ok(Some(message)) => arrivals.push(Event::Message(call.id, message)),
            Ok(None) => return arrivals.push(Event::RequestEnded(call.id)),
            Err(status) => {
                arrivals.push(Event::Gone(call.id));
                return call.take(Reply::End(status));
            }
        }
    }
}

/// The next bytes of a body, or its trailers as what is none.
async fn next_part(body: &mut Incoming) -> Result<Option<Result<Bytes, HeaderMap>>, Status> {
    let mut body = std::pin::Pin::new(body);
    match std::future::poll_fn(|context| body.as_mut().poll_frame(context)).await {
        None => Ok(None),
        Some(Ok(frame)) => {
            Ok(Some(frame.into_data().map_err(|other| other.into_trailers().unwrap_or_default())))
        }
        Some(Err(_)) => Err(Status::new(code::CANCELLED, "the stream was cut off")),
    }
}

/// End a stream when its time is over.
async fn cut_off(call: Arc<Call>, arrivals: Arc<Arrivals>) {
    over(call.deadline).await;
    arrivals.push(Event::Gone(call.id));
    call.take(Reply::End(too_late()));
}

async fn over(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => pending().await,
    }
}

fn too_late() -> Status {
    Status::new(code::DEADLINE_EXCEEDED, "Deadline Exceeded")
}

fn deadline_of(headers: &HeaderMap) -> Result<Option<Instant>, Status> {
    let Some(header) = headers.get("grpc-timeout") else { return Ok(None) };
    let timeout = header.to_str().ok().and_then(timeout_of);
    let timeout = timeout.ok_or_else(|| Status::new(code::INTERNAL, format!("grpc-timeout is {header:?}")))?;
    Ok(Instant::now().checked_add(timeout))
}

fn encoding_of(headers: &HeaderMap) -> Result<Encoding, Status> {
    let Some(header) = headers.get("grpc-encoding") else { return Ok(Encoding::Identity) };
    Encoding::of(&String::from_utf8_lossy(header.as_bytes()))
}
