//! Calls made to another server: a stream of messages each way.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, TE};
use http::{HeaderValue, Request, Response, StatusCode};
use http_body::{Body, Frame};
use hyper::body::Incoming;
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio::task::AbortHandle;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::pki_types::ServerName;

use crate::arrivals::{Arrivals, Event};
use crate::call::{Call, Reply};
use crate::framing::{Encoding, Status, Unframer, code};
use crate::service::Messages;

/// How a server is reached.
pub struct Dialling {
    /// `host:port`.
    pub address: String,
    pub tls: Option<(Arc<ClientConfig>, ServerName<'static>)>,
    pub most_message_bytes: usize,
    pub ping_every: Duration,
    pub pong_within: Duration,
}

/// A connection to a server that calls share: made by the first of them, and anew by the next one after it broke.
pub struct Channel {
    dialling: Dialling,
    connection: Mutex<Option<Connection>>,
}

/// A connection, and what drives it for as long as it is kept.
struct Connection {
    sender: SendRequest<Outgoing>,
    driver: AbortHandle,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

impl Channel {
    pub fn new(dialling: Dialling) -> Self {
        Self { dialling, connection: Mutex::default() }
    }

    pub fn address(&self) -> &str {
        &self.dialling.address
    }

    /// Make a call, and tell the event loop of it until it ends. Its headers are the request's, its replies its messages.
    pub async fn converse(self: Arc<Self>, path: String, call: Arc<Call>, arrivals: Arc<Arrivals>) {
        let status = tokio::select! {
            said = self.said_by(&path, &call, &arrivals) => said.unwrap_or_else(|broken| broken),
            () = call.is_given_up() => Status::new(code::CANCELLED, "given up"),
        };
        call.end();
        arrivals.push(Event::Ended(call.id, status));
    }

    /// The status a call ends with, said by the server, or as an error by whatever came between.
    async fn said_by(&self, path: &str, call: &Arc<Call>, arrivals: &Arc<Arrivals>) -> Result<Status, Status> {
        let scheme = if self.dialling.tls.is_some() { "https" } else { "http" };
        let outgoing = Outgoing { call: call.clone(), arrivals: arrivals.clone() };
        let mut request =
            Request::post(format!("{scheme}://{}{path}", self.dialling.address)).body(outgoing).map_err(|error| {
                Status::new(code::INTERNAL, format!("{} cannot be called: {error}", self.dialling.address))
            })?;
        *request.headers_mut() = call.headers.clone();
        request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
        request.headers_mut().insert(TE, HeaderValue::from_static("trailers"));
        let mut sender = self.sender().await?;
        sender.ready().await.map_err(unavailable)?;
        let response = sender.send_request(request).await.map_err(unavailable)?;
        answered(response, self.dialling.most_message_bytes, call, arrivals).await
    }

    async fn sender(&self) -> Result<SendRequest<Outgoing>, Status> {
        let mut kept = self.connection.lock().await;
        if let Some(connection) = kept.as_ref().filter(|connection| !connection.sender.is_closed()) {
            return Ok(connection.sender.clone());
        }
        let connection = self.dialling.connected().await?;
        let sender = connection.sender.clone();
        *kept = Some(connection);
        Ok(sender)
    }
}

impl Dialling {
    async fn connected(&self) -> Result<Connection, Status> {
        let stream = TcpStream::connect(&self.address).await.map_err(unavailable)?;
        let _ = stream.set_nodelay(true); // a socket that is gone shows itself soon enough
        match self.tls.clone() {
            None => self.spoken(stream).await,
            Some((config, name)) => {
                let encrypted = TlsConnector::from(config).connect(name, stream).await.map_err(unavailable)?;
                self.spoken(encrypted).await
            }
        }
    }

    async fn spoken<S>(&self, stream: S) -> Result<Connection, Status>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (sender, connection) = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .keep_alive_interval(Some(self.ping_every))
            .keep_alive_timeout(self.pong_within)
            .keep_alive_while_idle(true)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(unavailable)?;
        Ok(Connection { sender, driver: tokio::spawn(connection).abort_handle() })
    }
}

/// The status at the end of an answer, whose messages the event loop is told as it asks for them.
async fn answered(
    response: Response<Incoming>,
    most_message_bytes: usize,
    call: &Arc<Call>,
    arrivals: &Arc<Arrivals>,
) -> Result<Status, Status> {
    if response.status() != StatusCode::OK {
        return Err(Status::new(code::UNIMPLEMENTED, format!("it answers {}", response.status())));
    }
    let (head, body) = response.into_parts();
    if let Some(status) = Status::of_trailers(&head.headers) {
        return Ok(status);
    }
    arrivals.push(Event::Opened(call.id, head.headers));
    let unframer = Unframer::new(Encoding::Identity, most_message_bytes);
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
