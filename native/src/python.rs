//! What Python sees.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use pyo3::exceptions::{PyOSError, PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList};
use tokio::runtime::Builder;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::arrivals::{Arrivals, Event};
use crate::call::{Call, Reply};
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
const CLOSED: u8 = 5;

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

    fn time_left_s(&self) -> Option<f64> {
        let deadline = self.call.deadline?;
        Some(deadline.saturating_duration_since(Instant::now()).as_secs_f64())
    }

    fn reply(&self, message: &[u8]) -> PyResult<()> {
        self.say(Reply::Only(framed(bounded(message)?)));
        Ok(())
    }

    fn open(&self) {
        self.say(Reply::Open);
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
}

impl PyCall {
    fn say(&self, reply: Reply) {
        self.replies.push(self.call.clone(), reply);
    }
}

fn bounded(message: &[u8]) -> PyResult<&[u8]> {
    if u32::try_from(message.len()).is_err() {
        return Err(PyValueError::new_err(format!("a message of {} bytes is beyond gRPC's 4 GiB", message.len())));
    }
    Ok(message)
}

/// A listening server and the thread it runs on. The stub describes it.
#[pyclass(frozen)]
struct Server {
    arrivals: Arc<Arrivals>,
    replies: Arc<Replies>,
    service: Arc<Service>,
    shared: Arc<Shared>,
    holding: Holding,
    phase: watch::Sender<Phase>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

#[pymethods]
impl Server {
    #[new]
    #[pyo3(signature = (
        methods, *, max_message_bytes, max_metadata_bytes, max_connections, calls_per_connection, ping_every_s,
        pong_within_s,
    ))]
    #[expect(clippy::too_many_arguments)]
    fn new(
        methods: Vec<(String, bool)>,
        max_message_bytes: usize,
        max_metadata_bytes: u32,
        max_connections: usize,
        calls_per_connection: u32,
        ping_every_s: f64,
        pong_within_s: f64,
    ) -> PyResult<Self> {
        let numbered = methods.into_iter().enumerate();
        let methods = numbered
            .map(|(number, (path, streams))| (path, (number, if streams { Takes::Stream } else { Takes::One })))
            .collect::<HashMap<_, _>>();
        let arrivals = Arc::new(Arrivals::new()?);
        Ok(Self {
            service: Arc::new(Service::new(methods, max_message_bytes, arrivals.clone())),
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
            phase: watch::Sender::new(Phase::Serving),
            thread: Mutex::new(None),
        })
    }

    #[pyo3(signature = (cert, key, client_ca=None))]
    fn use_tls(&self, cert: &[u8], key: &[u8], client_ca: Option<&[u8]>) -> PyResult<()> {
        let config = tls::configured(cert, key, client_ca).map_err(PyValueError::new_err)?;
        *self.shared.tls.write().expect("nothing panics holding it") = Some(config);
        Ok(())
    }

    fn listen(&self, address: &str) -> PyResult<u16> {
        let mut thread = self.thread.lock().expect("nothing panics holding it");
        if thread.is_some() {
            return Err(PyRuntimeError::new_err("the server listens already"));
        }
        let (listener, local) = bound(address)?;
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let (service, holding, shared) = (self.service.clone(), self.holding.clone(), self.shared.clone());
        let (replies, arrivals, phase) = (self.replies.clone(), self.arrivals.clone(), self.phase.subscribe());
        let run = move || {
            runtime.block_on(async move {
                let delivering = tokio::spawn(async move { replies.deliver().await });
                if let Ok(listener) = tokio::net::TcpListener::from_std(listener) {
                    listen(listener, service, holding, shared, phase).await;
                }
                delivering.abort();
            });
            arrivals.push(Event::Closed);
        };
        *thread = Some(std::thread::Builder::new().name("grpc-transport".into()).spawn(run)?);
        Ok(local.port())
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
        let thread = self.thread.lock().expect("nothing panics holding it").take();
        let Some(thread) = thread else { return Ok(()) };
        py.detach(|| thread.join()).map_err(|_| PyOSError::new_err("the transport's thread had panicked"))
    }
}

impl Server {
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

impl Drop for Server {
    fn drop(&mut self) {
        self.advance(Phase::Closed);
    }
}

#[pymodule]
fn ringward_native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<PyCall>()?;
    module.add_class::<Server>()?;
    let kinds = [
        ("BEGAN", BEGAN),
        ("MESSAGE", MESSAGE),
        ("REQUEST_ENDED", REQUEST_ENDED),
        ("ROOM", ROOM),
        ("GONE", GONE),
        ("CLOSED", CLOSED),
    ];
    for (name, kind) in kinds {
        module.add(name, kind)?;
    }
    Ok(())
}
