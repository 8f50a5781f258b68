//! A call made to another server: a stream of messages each way, over a connection of its own.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, TE};
use http::{HeaderValue, Request, StatusCode};
use http_body::{Body, Frame};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::pki_types::ServerName;

use crate::arrivals::{Arrivals, Event};
use crate::call::{Call, Reply};
use crate::framing::{Encoding, Status, Unframer, code};
use crate::service::Messages;

/// Where a call goes, and how.
pub struct Dialling {
    pub path: String,
    pub tls: Option<(Arc<ClientConfig>, ServerName<'static>)>,
    pub most_message_bytes: usize,
    pub ping_every: Duration,
    pub pong_within: Duration,
}

/// Make a call, and tell the event loop of it until it ends. Its headers are the request's, its replies its messages.
pub async fn converse(dialling: Dialling, call: Arc<Call>, arrivals: Arc<Arrivals>) {
    let status = tokio::select! {
        said = said_by(&dialling, &call, &arrivals) => said.unwrap_or_else(|broken| broken),
        () = call.is_given_up() => Status::new(code::CANCELLED, "given up"),
    };
    call.end();
    arrivals.push(Event::Ended(call.id, status));
}

/// The status a call ends with, said by the server, or as an error by whatever came between.
async fn said_by(dialling: &Dialling, call: &Arc<Call>, arrivals: &Arc<Arrivals>) -> Result<Status, Status> {
    let stream = TcpStream::connect(&call.peer).await.map_err(unavailable)?;
    let _ = stream.set_nodelay(true); // a socket that is gone shows itself soon enough
    match dialling.tls.clone() {
        None => spoken(stream, dialling, call, arrivals).await,
        Some((config, name)) => {
            let encrypted = TlsConnector::from(config).connect(name, stream).await.map_err(unavailable)?;
            spoken(encrypted, dialling, call, arrivals).await
        }
    }
}

async fn spoken<S>(stream: S, dialling: &Dialling, call: &Arc<Call>, arrivals: &Arc<Arrivals>) -> Result<Status, Status>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) = http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .keep_alive_interval(Some(dialling.ping_every))
        .keep_alive_timeout(dialling.pong_within)
        .keep_alive_while_idle(true)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(unavailable)?;
    let _connection = Connection(tokio::spawn(connection));
    let scheme = if dialling.tls.is_some() { "https" } else { "http" };
    let outgoing = Outgoing { call: call.clone(), arrivals: arrivals.clone() };
    let mut request = Request::post(format!("{scheme}://{}{}", call.peer, dialling.path))
        .body(outgoing)
        .map_err(|error| Status::new(code::INTERNAL, format!("{} cannot be called: {error}", call.peer)))?;
    *request.headers_mut() = call.headers.clone();
    request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    request.headers_mut().insert(TE, HeaderValue::from_static("trailers"));
    let response = sender.send_request(request).await.map_err(unavailable)?;
    if response.status() != StatusCode::OK {
        return Err(Status::new(code::UNIMPLEMENTED, format!("it answers {}", response.status())));
    }
    let (head, body) = response.into_parts();
    if let Some(status) = Status::of_trailers(&head.headers) {
        return Ok(status);
    }
    arrivals.push(Event::Opened(call.id, head.headers));
    let unframer = Unframer::new(Encoding::Identity, dialling.most_message_bytes);
    let mut messages = Messages::new(body, unframer);
    loop {
        call.asked().await;
        let Some(message) = messages.next().await? else { break };
        arrivals.push(Event::Message(call.id, message));
    }
    Status::of_trailers(&messages.trailers).ok_or_else(|| Status::new(code::UNAVAILABLE, "the connection has ended"))
}

fn unavailable(error: impl std::error::Error) -> Status {
    let mut text = error.to_string();
    if let Some(cause) = error.source() {
        text = format!("{text}: {cause}");
    }
    Status::new(code::UNAVAILABLE, text)
}

/// What drives a connection, for as long as the call needs it.
struct Connection<T>(JoinHandle<T>);

impl<T> Drop for Connection<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The messages of a request, as the event loop gives them.
struct Outgoing {
    call: Arc<Call>,
    arrivals: Arc<Arrivals>,
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.call.poll_reply(context).map(|reply| match reply {
            Reply::Message(message) => {
                self.call.taken(message.len(), &self.arrivals);
                Some(Ok(Frame::data(message)))
            }
            Reply::Open(_) | Reply::Only(_) | Reply::End(_) => None,
        })
    }
}
