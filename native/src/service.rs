//! One request of HTTP/2 as a call of gRPC: read, handed to the event loop, answered.

use std::collections::HashMap;
use std::future::{Future, pending};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body::Body;
use hyper::body::Incoming;
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

use crate::answer::Answer;
use crate::arrivals::{Arrivals, Event};
use crate::budget::{Budget, Costs, Held, Tray};
use crate::call::{Call, Lease, Reply};
use crate::framing::{Encoding, Status, Unframer, code, timeout_of};
use crate::refusals::{Reason, Refusals};

/// How long the only message of a request, or its first, may take to come in whole.
const REQUEST_TIME: Duration = Duration::from_secs(60);
/// How long what is no call may take to come in, before it is refused anyhow.
const REFUSAL_TIME: Duration = Duration::from_secs(1);
/// About what a call takes besides its headers and its message.
const CALL_BYTES: usize = 1024;

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
    most_metadata_bytes: usize,
    arrivals: Arc<Arrivals>,
    /// Numbers them, as all others of the transport.
    calls: Arc<AtomicU64>,
    budget: Arc<Budget>,
    pub refusals: Refusals,
}

impl Service {
    pub fn new(
        methods: HashMap<String, (usize, Takes)>,
        most_message_bytes: usize,
        most_metadata_bytes: usize,
        arrivals: Arc<Arrivals>,
        calls: Arc<AtomicU64>,
    ) -> Self {
        let (budget, refusals) = (Arc::default(), Refusals::default());
        Self { methods, most_message_bytes, most_metadata_bytes, arrivals, calls, budget, refusals }
    }

    /// Where answers on a new connection wait for its client.
    pub fn tray(&self) -> Arc<Tray> {
        Arc::new(Tray::new(self.budget.clone()))
    }

    pub async fn answer(&self, request: Request<Incoming>, peer: &str, tray: &Arc<Tray>) -> Response<Answer> {
        if request.method() != Method::POST {
            return self.refused(request, StatusCode::METHOD_NOT_ALLOWED).await;
        }
        let content_type = request.headers().get(CONTENT_TYPE).map_or(&[][..], |value| value.as_bytes());
        if !content_type.starts_with(b"application/grpc") {
            return self.refused(request, StatusCode::UNSUPPORTED_MEDIA_TYPE).await;
        }
        match self.begun(request, peer, tray).await {
            Ok(lease) => Self::replied(lease).await.unwrap_or_else(|status| Answer::failed(&status)),
            Err(status) => {
                self.refusals.count_status(&status);
                Answer::failed(&status)
            }
        }
    }

    /// Refuse what is no call, after it has come: who breaks HTTP/2's rules in it is told that first.
    async fn refused(&self, request: Request<Incoming>, status: StatusCode) -> Response<Answer> {
        self.refusals.count(Reason::NotGrpc);
        let mut body = request.into_body();
        let come = async { while let Ok(Some(_)) = next_part(&mut body).await {} };
        let _ = timeout(REFUSAL_TIME, come).await; // then it is refused all the same
        Answer::refused(status)
    }

    /// A call the event loop has heard of, or the status that refuses it.
    async fn begun(&self, request: Request<Incoming>, peer: &str, tray: &Arc<Tray>) -> Result<Lease, Status> {
        let (head, body) = request.into_parts();
        let Some(&(method, takes)) = self.methods.get(head.uri.path()) else {
            return Err(Status::new(code::UNIMPLEMENTED, "Method not found!"));
        };
        let deadline = deadline_of(&head.headers)?;
        let unframer = Unframer::new(encoding_of(&head.headers)?, self.most_message_bytes);
        let number = self.calls.fetch_add(1, Ordering::Relaxed);
        let header_bytes = bytes_of(&head.headers);
        if header_bytes > self.most_metadata_bytes {
            let text = format!("Received metadata larger than max ({header_bytes} vs. {})", self.most_metadata_bytes);
            return Err(Status::new(code::RESOURCE_EXHAUSTED, text));
        }
        let mut messages = Messages::counted(body, unframer, self.budget.clone(), CALL_BYTES + header_bytes)?;
        let call = |held: Option<Held>| {
            let costs = Costs { held: Mutex::new(held), tray: tray.clone() };
            Arc::new(Call::new(number, method, head.headers, peer.to_owned(), deadline, costs))
        };
        match takes {
            Takes::One => {
                let message = in_time(deadline, messages.only()).await?;
                let lease = Lease::new(call(messages.held), self.arrivals.clone());
                self.arrivals.push(Event::Began(lease.call.clone(), Some(message)));
                Ok(lease)
            }
            Takes::StreamFromFirst | Takes::Stream => {
                let mut first = None;
                let mut is_all = false;
                if takes == Takes::StreamFromFirst {
                    // Clients that are refused before they could say anything take it for a fault of the connection.
                    first = in_time(deadline, messages.next()).await?;
                    is_all = first.is_none();
                }
                let mut lease = Lease::new(call(messages.handed_over()), self.arrivals.clone());
                self.arrivals.push(Event::Began(lease.call.clone(), first));
                if !is_all {
                    let reading = read_messages(messages, lease.call.clone(), self.arrivals.clone());
                    lease.keep(tokio::spawn(reading).abort_handle());
                }
                Ok(lease)
            }
        }
    }

    /// Wait for the first the handler says, within the call's time.
    async fn replied(lease: Lease) -> Result<Response<Answer>, Status> {
        let deadline = lease.call.deadline;
        let first = tokio::select! {
            biased;
            reply = lease.call.reply() => reply,
            () = over(deadline) => return Err(too_late()),
        };
        match first {
            Reply::Only(message) => {
                lease.ended();
                Ok(Answer::only(message, lease))
            }
            Reply::End(status) => {
                lease.ended();
                Err(status)
            }
            Reply::Open(headers) => Ok(streamed(lease, headers, None)),
            Reply::Message(message) => Ok(streamed(lease, HeaderMap::new(), Some(message))),
        }
    }
}

/// The answer that goes on with what the handler still says, within the call's time.
fn streamed(mut lease: Lease, headers: HeaderMap, first: Option<Bytes>) -> Response<Answer> {
    if lease.call.deadline.is_some() {
        lease.keep(tokio::spawn(cut_off(lease.call.clone(), lease.arrivals.clone())).abort_handle());
    }
    Answer::stream(headers, first, lease)
}

/// The messages of a stream.
pub struct Messages {
    body: Incoming,
    unframer: Unframer,
    /// What came after the last of them, once there is no next.
    pub trailers: HeaderMap,
    /// What a budget counts of them.
    held: Option<Held>,
    /// What is held besides the message that is coming.
    kept_bytes: usize,
}

impl Messages {
    pub fn new(body: Incoming, unframer: Unframer) -> Self {
        Self { body, unframer, trailers: HeaderMap::new(), held: None, kept_bytes: 0 }
    }

    /// Those of a request, which already takes so many bytes. Fails with the status that refuses it.
    fn counted(body: Incoming, unframer: Unframer, budget: Arc<Budget>, kept_bytes: usize) -> Result<Self, Status> {
        let mut messages = Self { held: Some(Held::new(budget)), kept_bytes, ..Self::new(body, unframer) };
        messages.hold(0)?;
        Ok(messages)
    }

    /// The count of all that was held so far, for whoever holds it from now on.
    fn handed_over(&mut self) -> Option<Held> {
        self.kept_bytes = 0;
        let next = self.held.as_ref().map(Held::beside);
        std::mem::replace(&mut self.held, next)
    }

    /// The only one there is.
    async fn only(&mut self) -> Result<Bytes, Status> {
        let Some(message) = self.next().await? else {
            return Err(Status::new(code::INTERNAL, "the request ends without a message"));
        };
        self.kept_bytes += message.len();
        if self.next().await?.is_some() {
            return Err(Status::new(code::UNIMPLEMENTED, "the method takes one message, and there are more"));
        }
        Ok(message)
    }

    /// The next one; None after the last.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Status> {
        loop {
            if let Some(message) = self.unframer.next()? {
                self.hold(message.len())?;
                return Ok(Some(message));
            }
            self.hold(self.unframer.waiting_bytes())?;
            match next_part(&mut self.body).await? {
                Some(Ok(part)) => self.unframer.push(&part),
                Some(Err(trailers)) => self.trailers = trailers,
                None if self.unframer.waiting_bytes() == 0 => return Ok(None),
                None => return Err(Status::new(code::INTERNAL, "the stream ends inside a message")),
            }
        }
    }

    fn hold(&mut self, bytes: usize) -> Result<(), Status> {
        let Some(held) = &mut self.held else { return Ok(()) };
        held.hold(self.kept_bytes + bytes)
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
        Some(Ok(frame)) => Ok(Some(frame.into_data().map_err(|other| other.into_trailers().unwrap_or_default()))),
        Some(Err(_)) => Err(Status::new(code::CANCELLED, "the stream was cut off")),
    }
}

/// What comes in within the call's time, and that for requests.
async fn in_time<T>(deadline: Option<Instant>, coming: impl Future<Output = Result<T, Status>>) -> Result<T, Status> {
    let by = Instant::now() + REQUEST_TIME;
    match deadline {
        Some(deadline) if deadline < by => timeout_at(deadline, coming).await.map_err(|_| too_late())?,
        _ => timeout_at(by, coming).await.map_err(|_| too_slow())?,
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

fn too_slow() -> Status {
    let seconds = REQUEST_TIME.as_secs();
    Status::new(code::DEADLINE_EXCEEDED, format!("the request has not come in within {seconds} s"))
}

fn deadline_of(headers: &HeaderMap) -> Result<Option<Instant>, Status> {
    let Some(header) = headers.get("grpc-timeout") else { return Ok(None) };
    let timeout = header.to_str().ok().and_then(timeout_of);
    let timeout = timeout.ok_or_else(|| Status::new(code::INTERNAL, format!("grpc-timeout is {header:?}")))?;
    Ok(Instant::now().checked_add(timeout))
}

/// As HTTP/2 counts them. Source: RFC 9113 §6.5.2.
fn bytes_of(headers: &HeaderMap) -> usize {
    headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 32).sum()
}

fn encoding_of(headers: &HeaderMap) -> Result<Encoding, Status> {
    let Some(header) = headers.get("grpc-encoding") else { return Ok(Encoding::Identity) };
    Encoding::of(&String::from_utf8_lossy(header.as_bytes()))
}
