//! What goes back to a client: head, messages, trailers.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use http_body::{Body, Frame};

use crate::call::{Lease, Reply};
use crate::framing::{ACCEPTED, Status};

const ACCEPT_ENCODING: HeaderName = HeaderName::from_static("grpc-accept-encoding");

/// Larger messages are given away in parts: whatever is given away waits in buffers that know no bound.
const PART_BYTES: usize = 16 * 1024;

/// The body of a response. With a lease it goes on with what the handler still says.
#[derive(Default)]
pub struct Answer {
    /// Of a message that was given away in part.
    rest: Bytes,
    end: Option<Status>,
    lease: Option<Lease>,
}

impl Answer {
    /// A call that failed before there was a message: a head that says so, and no body.
    pub fn failed(status: &Status) -> Response<Self> {
        let mut response = headed(Self::default());
        response.headers_mut().extend(status.trailers());
        response
    }

    /// One message, and success.
    pub fn only(message: Bytes, lease: Lease) -> Response<Self> {
        headed(Self { rest: message, end: Some(Status::ok()), lease: Some(lease) })
    }

    /// A stream, whose first message may be there already, and what it opens with.
    pub fn stream(headers: HeaderMap, first: Option<Bytes>, lease: Lease) -> Response<Self> {
        let mut response = headed(Self { rest: first.unwrap_or_default(), end: None, lease: Some(lease) });
        response.headers_mut().extend(headers);
        response
    }

    /// What is no call of gRPC at all, with a line for whoever sent it.
    pub fn refused(status: StatusCode) -> Response<Self> {
        let line = Bytes::from_static(b"This port speaks gRPC: POST, application/grpc.\n");
        let mut response = Response::new(Self { rest: line, ..Self::default() });
        *response.status_mut() = status;
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
        response
    }
}

fn headed(answer: Answer) -> Response<Answer> {
    let mut response = Response::new(answer);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static(ACCEPTED));
    response
}

impl Body for Answer {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let this = self.get_mut();
        loop {
            if !this.rest.is_empty() {
                let part = this.rest.split_to(this.rest.len().min(PART_BYTES));
                if let Some(lease) = &this.lease {
                    lease.call.taken(part.len(), &lease.arrivals);
                }
                return Poll::Ready(Some(Ok(Frame::data(part))));
            }
            if let Some(status) = this.end.take() {
                this.lease = None;
                return Poll::Ready(Some(Ok(Frame::trailers(status.trailers()))));
            }
            let Some(lease) = &this.lease else { return Poll::Ready(None) };
            match ready!(lease.call.poll_reply(context)) {
                Reply::Message(message) => this.rest = message,
                Reply::End(status) => {
                    lease.ended();
                    this.end = Some(status);
                }
                Reply::Open(_) | Reply::Only(_) => {} // said before, or by no handler of a stream
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.end.is_none() && self.lease.is_none()
    }
}
