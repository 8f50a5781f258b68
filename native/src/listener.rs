//! Connections: accepted within a bound, encrypted if so configured, served until they or the server end.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, RwLock};
use std::task::{Context, Poll};
use std::time::Duration;
use std::{convert::Infallible, io};

use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;

use crate::service::Service;

/// Within which a client must have said what it speaks: TLS, then HTTP/2's first 24 bytes.
const GREETING_TIME: Duration = Duration::from_secs(10);
const PREFACE_BYTES: usize = 24;
/// After the system would give no connection: out of files, most likely.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How connections are held.
#[derive(Clone)]
pub struct Holding {
    pub most_connections: usize,
    pub calls_per_connection: u32,
    pub most_metadata_bytes: u32,
    pub ping_every: Duration,
    pub pong_within: Duration,
}

/// How far the server is with ending.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    Serving,
    /// No new connections and no new calls; those under way go on.
    Draining,
    Closed,
}

/// What the listener shares with whoever made it.
#[derive(Default)]
pub struct Shared {
    pub tls: RwLock<Option<Arc<ServerConfig>>>,
    pub connections: AtomicUsize,
}

pub async fn listen(
    listener: TcpListener,
    service: Arc<Service>,
    holding: Holding,
    shared: Arc<Shared>,
    mut phase: watch::Receiver<Phase>,
) {
    let http = http_of(&holding);
    let mut connections = JoinSet::new();
    while *phase.borrow_and_update() == Phase::Serving {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) if connections.len() < holding.most_connections => {
                    let served = served(stream, peer, http.clone(), service.clone(), shared.clone(), phase.clone());
                    connections.spawn(served);
                }
                Ok(_) => {} // closed at once, so that the client goes elsewhere rather than wait
                Err(_) => sleep(ACCEPT_PAUSE).await,
            },
            _ = phase.changed() => {}
            Some(_) = connections.join_next() => {}
        }
        shared.connections.store(connections.len(), Ordering::Relaxed);
    }
    drop(listener);
    while connections.join_next().await.is_some() {
        shared.connections.store(connections.len(), Ordering::Relaxed);
    }
}

/// Listening sockets of an address, `host:port`; the port 0 picks one. Fails as the system does.
pub fn bound(address: &str) -> io::Result<(std::net::TcpListener, SocketAddr)> {
    let listener = std::net::TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    let local = listener.local_addr()?;
    Ok((listener, local))
}

fn http_of(holding: &Holding) -> http2::Builder<TokioExecutor> {
    let mut http = http2::Builder::new(TokioExecutor::new());
    http.timer(TokioTimer::new())
        .max_concurrent_streams(holding.calls_per_connection)
        .max_header_list_size(holding.most_metadata_bytes)
        .keep_alive_interval(Some(holding.ping_every))
        .keep_alive_timeout(holding.pong_within)
        .auto_date_header(false);
    http
}

/// One connection, to its end.
async fn served(
    stream: TcpStream,
    peer: SocketAddr,
    http: http2::Builder<TokioExecutor>,
    service: Arc<Service>,
    shared: Arc<Shared>,
    phase: watch::Receiver<Phase>,
) {
    let _ = stream.set_nodelay(true); // a socket that is gone shows itself soon enough
    let tls = shared.tls.read().expect("nothing panics holding it").clone();
    let talking = async {
        let Some(config) = tls else { return spoken(stream, peer, &http, service, phase.clone()).await };
        if let Ok(Ok(encrypted)) = timeout(GREETING_TIME, TlsAcceptor::from(config).accept(stream)).await {
            spoken(encrypted, peer, &http, service, phase.clone()).await;
        }
    };
    let mut ending = phase.clone();
    tokio::select! {
        () = talking => {}
        _ = ending.wait_for(|phase| *phase == Phase::Closed) => {}
    }
}

/// HTTP/2 over one connection, to its end.
async fn spoken<S>(
    stream: S,
    peer: SocketAddr,
    http: &http2::Builder<TokioExecutor>,
    service: Arc<Service>,
    mut phase: watch::Receiver<Phase>,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let greeted = Arc::new(AtomicBool::new(false));
    let stream = Greeting { stream, bytes: 0, done: greeted.clone() };
    let peer: Arc<str> = peer.to_string().into();
    let answer = move |request: Request<Incoming>| {
        let (service, peer) = (service.clone(), peer.clone());
        async move { Ok::<_, Infallible>(service.answer(request, &peer).await) }
    };
    let mut connection = std::pin::pin!(http.serve_connection(TokioIo::new(stream), service_fn(answer)));
    let mut silence = std::pin::pin!(sleep(GREETING_TIME));
    let mut is_greeted = false;
    loop {
        tokio::select! {
            _ = connection.as_mut() => return,
            () = silence.as_mut(), if !is_greeted => {
                if !greeted.load(Ordering::Relaxed) {
                    return;
                }
                is_greeted = true;
            }
            changed = phase.wait_for(|phase| *phase != Phase::Serving) => {
                if changed.is_err() {
                    return;
                }
                break;
            }
        }
    }
    connection.as_mut().graceful_shutdown();
    let _ = connection.await; // however it ends, it has ended
}

/// A stream that notes when its client has said what it speaks.
struct Greeting<S> {
    stream: S,
    bytes: usize,
    done: Arc<AtomicBool>,
}

impl<S: AsyncRead + Unpin> AsyncRead for Greeting<S> {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        let polled = Pin::new(&mut this.stream).poll_read(context, buffer);
        if this.bytes < PREFACE_BYTES {
            this.bytes += buffer.filled().len() - before;
            if this.bytes >= PREFACE_BYTES {
                this.done.store(true, Ordering::Relaxed);
            }
        }
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Greeting<S> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write_vectored(context, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}
