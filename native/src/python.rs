//! What Python sees.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use pyo3::exceptions::{PyOSError, PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList};
use tokio::runtime::{Builder, Handle};
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::pki_types::ServerName;

use crate::arrivals::{Arrivals, Event};
use crate::budget::Costs;
use crate::call::{Call, Reply};
use crate::client::{Channel, Dialling};
use crate::framing::{Status, framed};
use crate::listener::{Holding, Phase, Shared, bound, listen};
use crate::replies::Replies;
use crate::service::{Service, Takes};
use crate::tls;

const BEGAN: u8 = 0;
const MESSAGE: u8 = 1;
const REQUEST_ENDED: u8 = 2;
const ROOM: u8 = 3;
const GONE: u8 = 4;
const OPENED: u8 = 5;
const ENDED: u8 = 6;
const CLOSED: u8 = 7;

const ONE: u8 = 0;
const STREAM_FROM_FIRST: u8 = 1;
const STREAM: u8 = 2;

/// One call, for its handler. The stub describes it.
#[pyclass(name = "Call", frozen)]
struct PyCall {
    call: Arc<Call>,
    replies: Arc<Replies>,
}

#[pymethods]
impl PyCall {
    #[getter]
    fn id(&self) -> u64 {
        self.call.id
    }

    #[getter]
    fn method(&self) -> usize {
        self.call.method
    }

    fn header(&self, name: &str) -> Option<String> {
        self.call.headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
    }

    fn metadata(&self) -> Vec<(String, String)> {
        texts_of(&self.call.headers)
    }

    #[getter]
    fn peer(&self) -> &str {
        &self.call.peer
    }

    fn time_left_s(&self) -> Option<f64> {
        let deadline = self.call.deadline?;
        Some(deadline.saturating_duration_since(Instant::now()).as_secs_f64())
    }

    fn reply(&self, message: &[u8]) -> PyResult<()> {
        let frame = framed(bounded(message)?);
        self.call.put(frame.len());
        self.say(Reply::Only(frame));
        Ok(())
    }

    #[pyo3(signature = (metadata=Vec::new()))]
    fn open(&self, metadata: Vec<(String, String)>) -> PyResult<()> {
        self.say(Reply::Open(headers_of(metadata)?));
        Ok(())
    }

    fn send(&self, message: &[u8]) -> PyResult<bool> {
        let frame = framed(bounded(message)?);
        if self.call.is_over() {
            return Ok(true);
        }
        let has_room = self.call.has_room_after(frame.len());
        self.say(Reply::Message(frame));
        Ok(has_room)
    }

    fn finish(&self) {
        self.say(Reply::End(Status::ok()));
    }

    fn fail(&self, code: i32, message: String, details: Vec<u8>) {
        self.say(Reply::End(Status { code, message, details }));
    }

    fn ask(&self) {
        self.call.ask();
    }

    fn give_up(&self) {
        self.call.give_up();
    }
}

impl PyCall {
    fn say(&self, reply: Reply) {
        self.replies.push(self.call.clone(), reply);
    }
}

fn headers_of(metadata: Vec<(String, String)>) -> PyResult<HeaderMap> {
    let mut headers = HeaderMap::with_capacity(metadata.len());
    for (name, value) in metadata {
        let wrong = || PyValueError::new_err(format!("no metadata: {name:?}: {value:?}"));
        let name = HeaderName::try_from(name.as_str()).map_err(|_| wrong())?;
        headers.append(name.clone(), HeaderValue::try_from(value.as_str()).map_err(|_| wrong())?);
    }
    Ok(headers)
}

fn texts_of(headers: &HeaderMap) -> Vec<(String, String)> {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect()
}

fn bounded(message: &[u8]) -> PyResult<&[u8]> {
    if u32::try_from(message.len()).is_err() {
        return Err(PyValueError::new_err(format!("a message of {} bytes is beyond gRPC's 4 GiB", message.len())));
    }
    Ok(message)
}

/// What listens, what calls others, and the thread all of it runs on. The stub describes it.
#[pyclass(frozen)]
struct Transport {
    common: Arc<Common>,
    is_closed: watch::Sender<bool>,
}

/// How connections and calls are held. The stub describes it.
#[derive(Clone, Copy, FromPyObject)]
struct Bounds {
    message_bytes: usize,
    metadata_bytes: u32,
    connections: usize,
    calls_per_connection: u32,
    ping_s: f64,
    pong_s: f64,
}

impl Bounds {
    fn ping_every(&self) -> Duration {
        Duration::from_secs_f64(self.ping_s)
    }

    fn pong_within(&self) -> Duration {
        Duration::from_secs_f64(self.pong_s)
    }
}

/// What a transport has in common with its listeners.
struct Common {
    arrivals: Arc<Arrivals>,
    replies: Arc<Replies>,
    /// Numbers calls and listeners: no number is given twice.
    numbers: Arc<AtomicU64>,
    running: Mutex<Option<Running>>,
}

struct Running {
    handle: Handle,
    thread: JoinHandle<()>,
}

impl Common {
    fn handle(&self) -> PyResult<Handle> {
        let running = self.running.lock().expect("nothing panics holding it");
        let running = running.as_ref().ok_or_else(|| PyRuntimeError::new_err("it does not run"))?;
        Ok(running.handle.clone())
    }
}

/// A port, and what is served there. The stub describes it.
#[pyclass(frozen)]
struct Listener {
    #[pyo3(get)]
    id: u64,
    common: Arc<Common>,
    service: Arc<Service>,
    shared: Arc<Shared>,
    holding: Holding,
    phase: watch::Sender<Phase>,
}

/// A connection to a server. The stub describes it.
#[pyclass(name = "Channel", frozen)]
struct PyChannel {
    common: Arc<Common>,
    channel: Arc<Channel>,
}

/// Certificates for calling encrypted ports. The stub describes it.
#[pyclass(frozen)]
struct CallerTls {
    config: Arc<ClientConfig>,
    server_name: String,
}

#[pymethods]
impl CallerTls {
    #[new]
    #[pyo3(signature = (ca, cert, key, server_name=String::new()))]
    fn new(ca: &[u8], cert: &[u8], key: &[u8], server_name: String) -> PyResult<Self> {
        let config = tls::calling(ca, cert, key).map_err(PyValueError::new_err)?;
        Ok(Self { config, server_name })
    }
}

impl CallerTls {
    /// With the name a certificate there must be made out to: the one that was given, or the address's host.
    fn towards(&self, address: &str) -> PyResult<(Arc<ClientConfig>, ServerName<'static>)> {
        let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
        let name = if self.server_name.is_empty() { host.trim_matches(['[', ']']) } else { &self.server_name };
        let name = ServerName::try_from(name.to_owned())
            .map_err(|_| PyValueError::new_err(format!("no certificate can be made out to {name:?}")))?;
        Ok((self.config.clone(), name))
    }
}

#[pymethods]
impl Transport {
    #[new]
    fn new() -> PyResult<Self> {
        let common = Common {
            arrivals: Arc::new(Arrivals::new()?),
            replies: Arc::default(),
            numbers: Arc::default(),
            running: Mutex::new(None),
        };
        Ok(Self { common: Arc::new(common), is_closed: watch::Sender::new(false) })
    }

    fn start(&self) -> PyResult<()> {
        let mut running = self.common.running.lock().expect("nothing panics holding it");
        if running.is_some() {
            return Err(PyRuntimeError::new_err("it runs already"));
        }
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        self.is_closed.send_replace(false);
        let (replies, mut is_closed) = (self.common.replies.clone(), self.is_closed.subscribe());
        let run = move || {
            runtime.block_on(async move {
                tokio::spawn(async move { replies.deliver().await });
                let _ = is_closed.wait_for(|is_closed| *is_closed).await;
            });
        };
        let thread = std::thread::Builder::new().name("grpc-transport".into()).spawn(run)?;
        *running = Some(Running { handle, thread });
        Ok(())
    }

    fn listener(&self, methods: Vec<(String, usize, u8)>, bounds: Bounds) -> PyResult<Listener> {
        let mut numbered = HashMap::with_capacity(methods.len());
        for (path, number, takes) in methods {
            let takes = match takes {
                ONE => Takes::One,
                STREAM_FROM_FIRST => Takes::StreamFromFirst,
                STREAM => Takes::Stream,
                _ => return Err(PyValueError::new_err(format!("{path} takes {takes}, and that is nothing"))),
            };
            numbered.insert(path, (number, takes));
        }
        let Common { arrivals, numbers, .. } = &*self.common;
        Ok(Listener {
            id: numbers.fetch_add(1, Ordering::Relaxed),
            common: self.common.clone(),
            service: Arc::new(Service::new(
                numbered,
                bounds.message_bytes,
                bounds.metadata_bytes as usize,
                arrivals.clone(),
                numbers.clone(),
            )),
            shared: Arc::default(),
            holding: Holding {
                most_connections: bounds.connections,
                calls_per_connection: bounds.calls_per_connection,
                most_metadata_bytes: bounds.metadata_bytes,
                ping_every: bounds.ping_every(),
                pong_within: bounds.pong_within(),
            },
            phase: watch::Sender::new(Phase::Serving),
        })
    }

    #[pyo3(signature = (address, bounds, tls=None))]
    fn channel(&self, address: String, bounds: Bounds, tls: Option<&CallerTls>) -> PyResult<PyChannel> {
        let dialling = Dialling {
            tls: tls.map(|tls| tls.towards(&address)).transpose()?,
            address,
            most_message_bytes: bounds.message_bytes,
            ping_every: bounds.ping_every(),
            pong_within: bounds.pong_within(),
        };
        Ok(PyChannel { common: self.common.clone(), channel: Arc::new(Channel::new(dialling)) })
    }

    fn fileno(&self) -> i32 {
        self.common.arrivals.fd()
    }

    fn drain<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let Common { arrivals, replies, .. } = &*self.common;
        let events = PyList::empty(py);
        for event in arrivals.take() {
            match event {
                Event::Began(call, _) if call.is_over() => {}
                Event::Began(call, message) => {
                    let call = PyCall { call, replies: replies.clone() };
                    let message = message.map(|message| PyBytes::new(py, &message));
                    events.append((BEGAN, Bound::new(py, call)?, message))?;
                }
                Event::Message(id, message) => events.append((MESSAGE, id, PyBytes::new(py, &message)))?,
                Event::RequestEnded(id) => events.append((REQUEST_ENDED, id, py.None()))?,
                Event::Room(id) => events.append((ROOM, id, py.None()))?,
                Event::Gone(id) => events.append((GONE, id, py.None()))?,
                Event::Opened(id, headers) => events.append((OPENED, id, texts_of(&headers)))?,
                Event::Ended(id, status) => events.append((ENDED, id, (status.code, status.message)))?,
                Event::Closed(id) => events.append((CLOSED, id, py.None()))?,
            }
        }
        Ok(events)
    }

    fn close(&self, py: Python<'_>) -> PyResult<()> {
        self.is_closed.send_replace(true);
        let running = self.common.running.lock().expect("nothing panics holding it").take();
        let Some(running) = running else { return Ok(()) };
        py.detach(|| running.thread.join()).map_err(|_| PyOSError::new_err("the transport's thread had panicked"))
    }
}

impl Drop for Transport {
    fn drop(&mut self) {
        self.is_closed.send_replace(true);
    }
}

#[pymethods]
impl PyChannel {
    #[pyo3(signature = (path, metadata=Vec::new()))]
    fn call(&self, path: String, metadata: Vec<(String, String)>) -> PyResult<PyCall> {
        let handle = self.common.handle()?;
        let Common { arrivals, replies, numbers, .. } = &*self.common;
        let id = numbers.fetch_add(1, Ordering::Relaxed);
        let peer = self.channel.address().to_owned();
        let call = Arc::new(Call::new(id, usize::MAX, headers_of(metadata)?, peer, None, Costs::default()));
        handle.spawn(self.channel.clone().converse(path, call.clone(), arrivals.clone()));
        Ok(PyCall { call, replies: replies.clone() })
    }
}

#[pymethods]
impl Listener {
    #[pyo3(signature = (cert, key, client_ca=None))]
    fn use_tls(&self, cert: &[u8], key: &[u8], client_ca: Option<&[u8]>) -> PyResult<()> {
        let config = tls::configured(cert, key, client_ca).map_err(PyValueError::new_err)?;
        *self.shared.tls.write().expect("nothing panics holding it") = Some(config);
        Ok(())
    }

    fn listen(&self, address: &str) -> PyResult<u16> {
        let handle = self.common.handle()?;
        let (listeners, port) = {
            let _inside = handle.enter();
            bound(address)?
        };
        let (service, holding, shared) = (self.service.clone(), self.holding.clone(), self.shared.clone());
        let (id, arrivals, phase) = (self.id, self.common.arrivals.clone(), self.phase.subscribe());
        handle.spawn(async move {
            listen(listeners, service, holding, shared, phase).await;
            arrivals.push(Event::Closed(id));
        });
        Ok(port)
    }

    #[getter]
    fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::Relaxed)
    }

    #[getter]
    fn refused(&self) -> HashMap<&'static str, u64> {
        self.service.refusals.counted().collect()
    }

    fn refuse_new(&self) {
        self.advance(Phase::Draining);
    }

    fn close(&self) {
        self.advance(Phase::Closed);
    }
}

impl Listener {
    fn advance(&self, phase: Phase) {
        self.phase.send_if_modified(|current| {
            let goes_on = *current != Phase::Closed && *current != phase;
            if goes_on {
                *current = phase;
            }
            goes_on
        });
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.advance(Phase::Closed);
    }
}

#[pymodule]
fn ringward_native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<PyCall>()?;
    module.add_class::<Transport>()?;
    module.add_class::<Listener>()?;
    module.add_class::<PyChannel>()?;
    module.add_class::<CallerTls>()?;
    let numbers = [
        ("ONE", ONE),
        ("STREAM_FROM_FIRST", STREAM_FROM_FIRST),
        ("STREAM", STREAM),
        ("OPENED", OPENED),
        ("ENDED", ENDED),
        ("BEGAN", BEGAN),
        ("MESSAGE", MESSAGE),
        ("REQUEST_ENDED", REQUEST_ENDED),
        ("ROOM", ROOM),
        ("GONE", GONE),
        ("CLOSED", CLOSED),
    ];
    for (name, number) in numbers {
        module.add(name, number)?;
    }
    Ok(())
}
