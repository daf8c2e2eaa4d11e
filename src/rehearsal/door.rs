//! A door of the world: plain HTTP on loopback, which a fault may close.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::faults::{FaultName, Faults};

/// How long a client may take to send its request's head.
const HEAD: Duration = Duration::from_secs(30);
/// Connections that wait to be taken.
const BACKLOG: u32 = 1024;
/// Most connections at a time.
const MOST: usize = 256;
/// When a port that is still busy, or a listener that failed, is tried again.
const AGAIN: Duration = Duration::from_millis(50);

/// Binds a port of loopback, the one that the system gives for port 0.
fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = TcpSocket::new_v4()?;
    // The port must be there again when the server comes back from the dead.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// A port that the system gives.
pub(super) fn open() -> io::Result<TcpListener> {
    bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
}

/// Serves until `stop`, as [`keep_open`] does.
pub(super) async fn serve(
    listener: TcpListener,
    router: Router,
    faults: Faults,
    closed_by: Option<FaultName>,
    stop: CancellationToken,
) {
    keep_open(listener, &faults, closed_by, stop, &router).await;
}

/// Who takes a door's connections.
pub(super) trait Host: Sync {
    /// Takes them until it is dropped; what it serves beside itself ends with `up`.
    fn accept(&self, listener: &TcpListener, up: &CancellationToken) -> impl Future<Output = ()> + Send;
}

impl Host for Router {
    async fn accept(&self, listener: &TcpListener, up: &CancellationToken) {
        accept(listener, self, up).await;
    }
}

/// Has `host` take connections until `stop`. While the fault `closed_by` goes on, nobody
/// listens at the port and all connections are cut.
pub(super) async fn keep_open(
    listener: TcpListener,
    faults: &Faults,
    closed_by: Option<FaultName>,
    stop: CancellationToken,
    host: &impl Host,
) {
    let Ok(address) = listener.local_addr() else { return };
    let mut faults = faults.subscribe();
    let is_closed = |active: &super::faults::Active| closed_by.is_some_and(|name| active.has(name));
    let mut listener = Some(listener);
    while !stop.is_cancelled() {
        if is_closed(&faults.borrow_and_update()) {
            listener = None;
            tokio::select! {
                () = stop.cancelled() => return,
                _ = faults.changed() => continue,
            }
        }
        let Some(listening) = listener.take().or_else(|| bind(address).ok()) else {
            tokio::time::sleep(AGAIN).await;
            continue;
        };
        let closed = async {
            // A world that is gone has no faults any more; then `stop` ends this.
            if faults.wait_for(is_closed).await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        let up = stop.child_token();
        tokio::select! {
            () = stop.cancelled() => {}
            () = closed => {}
            () = host.accept(&listening, &up) => {}
        }
        up.cancel();
    }
}

async fn accept(listener: &TcpListener, router: &Router, up: &CancellationToken) {
    let places = Arc::new(Semaphore::new(MOST));
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // Out of file descriptors, mostly: others will be given back.
            tokio::time::sleep(AGAIN).await;
            continue;
        };
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else { continue };
        let (router, up) = (router.clone(), up.clone());
        tokio::spawn(async move {
            let _place = place;
            tokio::select! {
                () = up.cancelled() => {}
                () = connection(stream, router) => {}
            }
        });
    }
}

async fn connection(stream: TcpStream, router: Router) {
    // Small answers must not wait for more to come.
    if stream.set_nodelay(true).is_err() {
        return;
    }
    let service = TowerToHyperService::new(router);
    let mut server = http1::Builder::new();
    server.timer(TokioTimer::new()).header_read_timeout(HEAD);
    if let Err(error) = server.serve_connection(TokioIo::new(stream), service).await {
        tracing::debug!("a connection to one of the rehearsal's doors ended: {error}");
    }
}
