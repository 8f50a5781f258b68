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

/// The body of a response. With a lease it goes on with what the handler still says.
#[derive(Default)]
pub struct Answer {
    first: Option<Bytes>,
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
    pub fn only(message: Bytes) -> Response<Self> {
        headed(Self { first: Some(message), end: Some(Status::ok()), lease: None })
    }

    /// A stream, whose first message may be there already, and what it opens with.
    pub fn stream(headers: HeaderMap, first: Option<Bytes>, lease: Lease) -> Response<Self> {
        let mut response = headed(Self { first, end: None, lease: Some(lease) });
        response.headers_mut().extend(headers);
        response
    }

    /// What is no call of gRPC at all.
    pub fn refused(status: StatusCode) -> Response<Self> {
        let mut response = Response::new(Self::default());
        *response.status_mut() = status;
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
        if let Some(message) = this.first.take() {
            return Poll::Ready(Some(Ok(Frame::data(message))));
        }
        if let Some(status) = this.end.take() {
            return Poll::Ready(Some(Ok(Frame::trailers(status.trailers()))));
        }
        while let Some(lease) = &this.lease {
            match ready!(lease.call.poll_reply(context, &lease.arrivals)) {
                Reply::Message(message) => return Poll::Ready(Some(Ok(Frame::data(message)))),
                Reply::End(status) => {
                    lease.ended();
                    this.lease = None;
                    return Poll::Ready(Some(Ok(Frame::trailers(status.trailers()))));
                }
                Reply::Open(_) | Reply::Only(_) => {} // said before, or by no handler of a stream
            }
        }
        Poll::Ready(None)
    }

    fn is_end_stream(&self) -> bool {
        self.first.is_none() && self.end.is_none() && self.lease.is_none()
    }
}
