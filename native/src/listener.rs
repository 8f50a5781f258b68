//! Connections: accepted within a bound, encrypted if so configured, served until they or the server end.

use std::future::poll_fn;
use std::net::{Ipv4Addr, SocketAddr, ToSocketAddrs};
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
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;

use crate::refusals::Reason;
use crate::service::Service;

/// Within which a client must have said what it speaks: TLS, then HTTP/2's first 24 bytes.
const GREETING_TIME: Duration = Duration::from_secs(10);
const PREFACE_BYTES: usize = 24;
/// Connections that wait to be accepted; the system may allow fewer.
const BACKLOG: u32 = 4096;
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
    listeners: Vec<TcpListener>,
    service: Arc<Service>,
    holding: Holding,
    shared: Arc<Shared>,
    mut phase: watch::Receiver<Phase>,
) {
    let http = http_of(&holding);
    let mut connections = JoinSet::new();
    while *phase.borrow_and_update() == Phase::Serving {
        tokio::select! {
            accepted = accepted(&listeners) => match accepted {
                Ok((stream, peer)) if connections.len() < holding.most_connections => {
                    let served = served(stream, peer, http.clone(), service.clone(), shared.clone(), phase.clone());
                    connections.spawn(served);
                }
                // Closed at once, so that the client goes elsewhere rather than wait.
                Ok(_) => service.refusals.count(Reason::Connections),
                Err(_) => sleep(ACCEPT_PAUSE).await,
            },
            _ = phase.changed() => {}
            Some(_) = connections.join_next() => {}
        }
        shared.connections.store(connections.len(), Ordering::Relaxed);
    }
    drop(listeners);
    while connections.join_next().await.is_some() {
        shared.connections.store(connections.len(), Ordering::Relaxed);
    }
}

async fn accepted(listeners: &[TcpListener]) -> io::Result<(TcpStream, SocketAddr)> {
    poll_fn(|context| {
        let mut polled = listeners.iter().map(|listener| listener.poll_accept(context));
        polled.find(Poll::is_ready).unwrap_or(Poll::Pending)
    })
    .await
}

/// Listening sockets, one for each address that `host:port` means here, and their port; for 0 it is a free one. Fails as
/// the system does. Every interface, `[::]`, is that of IPv4 where there is nothing else.
pub fn bound(address: &str) -> io::Result<(Vec<TcpListener>, u16)> {
    let mut addresses: Vec<_> = address.to_socket_addrs()?.collect();
    addresses.dedup();
    let mut listeners = Vec::new();
    let mut port = addresses.first().map_or(0, SocketAddr::port);
    let mut failure = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for wanted in addresses {
        match bound_to(wanted, port) {
            Ok(listener) => {
                port = listener.local_addr()?.port();
                listeners.push(listener);
            }
            // A name may mean addresses this machine does not have.
            Err(error) if is_missing(&error) => failure = error,
            Err(error) => return Err(error),
        }
    }
    if listeners.is_empty() { Err(failure) } else { Ok((listeners, port)) }
}

fn bound_to(address: SocketAddr, port: u16) -> io::Result<TcpListener> {
    let bind = |mut address: SocketAddr| {
        address.set_port(port);
        let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        socket.set_reuseaddr(true)?; // connections of a predecessor may still be closing
        socket.bind(address)?;
        socket.listen(BACKLOG)
    };
    match bind(address) {
        Err(error) if is_missing(&error) && address.ip().is_unspecified() => bind((Ipv4Addr::UNSPECIFIED, port).into()),
        bound => bound,
    }
}

/// True if it is said of an address that is none of this machine's, or of a kind it does not speak.
fn is_missing(error: &io::Error) -> bool {
    const NO_SUCH_FAMILY: i32 = if cfg!(target_os = "linux") { 97 } else { 47 };
    error.kind() == io::ErrorKind::AddrNotAvailable || error.raw_os_error() == Some(NO_SUCH_FAMILY)
}

fn http_of(holding: &Holding) -> http2::Builder<TokioExecutor> {
    let mut http = http2::Builder::new(TokioExecutor::new());
    http.timer(TokioTimer::new())
        .max_concurrent_streams(holding.calls_per_connection)
        // Calls with more than they may have are refused; what is far beyond that HTTP/2 itself refuses, with a 431.
        .max_header_list_size(holding.most_metadata_bytes.saturating_mul(2))
        // Calls that clients cancelled before they were seen here: on a busy machine some come at once, and what bounds
        // calls bounds them. More end the connection.
        .max_pending_accept_reset_streams(holding.calls_per_connection as usize)
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
        let mut leaving = phase.clone();
        let greeted = tokio::select! {
            greeted = timeout(GREETING_TIME, TlsAcceptor::from(config).accept(stream)) => greeted,
            _ = leaving.wait_for(|phase| *phase != Phase::Serving) => return,
        };
        if let Ok(Ok(encrypted)) = greeted {
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
    let tray = service.tray();
    let answer = {
        let tray = tray.clone();
        move |request: Request<Incoming>| {
            let (service, peer, tray) = (service.clone(), peer.clone(), tray.clone());
            async move { Ok::<_, Infallible>(service.answer(request, &peer, &tray).await) }
        }
    };
    let mut connection = std::pin::pin!(http.serve_connection(TokioIo::new(stream), service_fn(answer)));
    let mut silence = std::pin::pin!(sleep(GREETING_TIME));
    let mut is_greeted = false;
    loop {
        tokio::select! {
            _ = connection.as_mut() => return,
            () = tray.overflows() => return,
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
    if !greeted.load(Ordering::Relaxed) {
        return;
    }
    connection.as_mut().graceful_shutdown();
    tokio::select! {
        _ = connection => {} // however it ends, it has ended
        () = tray.overflows() => {}
    }
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
