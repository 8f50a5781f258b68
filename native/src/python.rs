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
use crate::client::{Dialling, converse};
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

/// What listens, what calls others, and the thread both run on. The stub describes it.
#[pyclass(frozen)]
struct Transport {
    arrivals: Arc<Arrivals>,
    replies: Arc<Replies>,
    service: Arc<Service>,
    shared: Arc<Shared>,
    holding: Holding,
    most_message_bytes: usize,
    phase: watch::Sender<Phase>,
    made: AtomicU64,
    running: Mutex<Option<Running>>,
}

struct Running {
    handle: Handle,
    thread: JoinHandle<()>,
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
    #[pyo3(signature = (
        methods, *, max_message_bytes, max_metadata_bytes, max_connections, calls_per_connection, ping_every_s,
        pong_within_s,
    ))]
    fn new(
        methods: Vec<(String, u8)>,
        max_message_bytes: usize,
        max_metadata_bytes: u32,
        max_connections: usize,
        calls_per_connection: u32,
        ping_every_s: f64,
        pong_within_s: f64,
    ) -> PyResult<Self> {
        let mut numbered = HashMap::with_capacity(methods.len());
        for (number, (path, takes)) in methods.into_iter().enumerate() {
            let takes = match takes {
                ONE => Takes::One,
                STREAM_FROM_FIRST => Takes::StreamFromFirst,
                STREAM => Takes::Stream,
                _ => return Err(PyValueError::new_err(format!("{path} takes {takes}, and that is nothing"))),
            };
            numbered.insert(path, (number, takes));
        }
        let arrivals = Arc::new(Arrivals::new()?);
        Ok(Self {
            service: Arc::new(Service::new(numbered, max_message_bytes, max_metadata_bytes as usize, arrivals.clone())),
            arrivals,
            replies: Arc::default(),
            shared: Arc::default(),
            holding: Holding {
                most_connections: max_connections,
                calls_per_connection,
                most_metadata_bytes: max_metadata_bytes,
                ping_every: Duration::from_secs_f64(ping_every_s),
                pong_within: Duration::from_secs_f64(pong_within_s),
            },
            most_message_bytes: max_message_bytes,
            phase: watch::Sender::new(Phase::Serving),
            made: AtomicU64::new(0),
            running: Mutex::new(None),
        })
    }

    fn start(&self) -> PyResult<()> {
        let mut running = self.running.lock().expect("nothing panics holding it");
        if running.is_some() {
            return Err(PyRuntimeError::new_err("it runs already"));
        }
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (replies, mut phase) = (self.replies.clone(), self.phase.subscribe());
        let run = move || {
            runtime.block_on(async move {
                tokio::spawn(async move { replies.deliver().await });
                let _ = phase.wait_for(|phase| *phase == Phase::Closed).await;
            });
        };
        let thread = std::thread::Builder::new().name("grpc-transport".into()).spawn(run)?;
        *running = Some(Running { handle, thread });
        Ok(())
    }

    #[pyo3(signature = (cert, key, client_ca=None))]
    fn use_tls(&self, cert: &[u8], key: &[u8], client_ca: Option<&[u8]>) -> PyResult<()> {
        let config = tls::configured(cert, key, client_ca).map_err(PyValueError::new_err)?;
        *self.shared.tls.write().expect("nothing panics holding it") = Some(config);
        Ok(())
    }

    fn listen(&self, address: &str) -> PyResult<u16> {
        let handle = self.handle()?;
        let (listeners, port) = {
            let _inside = handle.enter();
            bound(address)?
        };
        let (service, holding, shared) = (self.service.clone(), self.holding.clone(), self.shared.clone());
        let (arrivals, phase) = (self.arrivals.clone(), self.phase.subscribe());
        handle.spawn(async move {
            listen(listeners, service, holding, shared, phase).await;
            arrivals.push(Event::Closed);
        });
        Ok(port)
    }

    #[pyo3(signature = (address, path, metadata, tls=None))]
    fn call(
        &self,
        address: String,
        path: String,
        metadata: Vec<(String, String)>,
        tls: Option<&CallerTls>,
    ) -> PyResult<PyCall> {
        let handle = self.handle()?;
        let dialling = Dialling {
            path,
            tls: tls.map(|tls| tls.towards(&address)).transpose()?,
            most_message_bytes: self.most_message_bytes,
            ping_every: self.holding.ping_every,
            pong_within: self.holding.pong_within,
        };
        // Calls that are taken count from 0 up, and these from the other end: no number is given twice.
        let id = u64::MAX - self.made.fetch_add(1, Ordering::Relaxed);
        let call = Arc::new(Call::new(id, usize::MAX, headers_of(metadata)?, address, None, Costs::default()));
        handle.spawn(converse(dialling, call.clone(), self.arrivals.clone()));
        Ok(PyCall { call, replies: self.replies.clone() })
    }

    fn fileno(&self) -> i32 {
        self.arrivals.fd()
    }

    fn drain<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let events = PyList::empty(py);
        for event in self.arrivals.take() {
            match event {
                Event::Began(call, _) if call.is_over() => {}
                Event::Began(call, message) => {
                    let call = PyCall { call, replies: self.replies.clone() };
                    let message = message.map(|message| PyBytes::new(py, &message));
                    events.append((BEGAN, Bound::new(py, call)?, message))?;
                }
                Event::Message(id, message) => events.append((MESSAGE, id, PyBytes::new(py, &message)))?,
                Event::RequestEnded(id) => events.append((REQUEST_ENDED, id, py.None()))?,
                Event::Room(id) => events.append((ROOM, id, py.None()))?,
                Event::Gone(id) => events.append((GONE, id, py.None()))?,
                Event::Opened(id, headers) => events.append((OPENED, id, texts_of(&headers)))?,
                Event::Ended(id, status) => events.append((ENDED, id, (status.code, status.message)))?,
                Event::Closed => events.append((CLOSED, py.None(), py.None()))?,
            }
        }
        Ok(events)
    }

    #[getter]
    fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::Relaxed)
    }

    fn refuse_new(&self) {
        self.advance(Phase::Draining);
    }

    fn close(&self, py: Python<'_>) -> PyResult<()> {
        self.advance(Phase::Closed);
        let running = self.running.lock().expect("nothing panics holding it").take();
        let Some(running) = running else { return Ok(()) };
        py.detach(|| running.thread.join()).map_err(|_| PyOSError::new_err("the transport's thread had panicked"))
    }
}

impl Transport {
    fn handle(&self) -> PyResult<Handle> {
        let running = self.running.lock().expect("nothing panics holding it");
        let running = running.as_ref().ok_or_else(|| PyRuntimeError::new_err("it does not run"))?;
        Ok(running.handle.clone())
    }

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

impl Drop for Transport {
    fn drop(&mut self) {
        self.advance(Phase::Closed);
    }
}

#[pymodule]
fn ringward_native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<PyCall>()?;
    module.add_class::<Transport>()?;
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
