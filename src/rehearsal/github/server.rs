//! The listener: plain HTTP/1.1 on loopback. While GitHub is lost, nobody listens at its
//! port and all its connections are cut.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::http;
use crate::rehearsal::api::bind;
use crate::rehearsal::world::World;

/// Most connections at a time.
const MOST: usize = 256;
/// When something that failed is tried again.
const AGAIN: Duration = Duration::from_millis(50);

/// Takes a free port of loopback.
///
/// # Errors
/// When none is to be had.
pub(in crate::rehearsal) fn listen() -> io::Result<TcpListener> {
    bind((Ipv4Addr::LOCALHOST, 0).into())
}

/// Serves until `stop`.
pub(in crate::rehearsal) async fn serve(world: Arc<World>, listener: TcpListener, stop: CancellationToken) {
    let Ok(address) = listener.local_addr() else { return };
    let router = http::router(Arc::clone(&world));
    let mut faults = world.faults.subscribe();
    let mut listener = Some(listener);
    while !stop.is_cancelled() {
        if faults.borrow_and_update().has("github-lost") {
            listener = None;
            tokio::select! {
                () = stop.cancelled() => return,
                _ = faults.changed() => continue,
            }
        }
        let Some(listening) = listener.take().or_else(|| again(address)) else {
            tokio::time::sleep(AGAIN).await;
            continue;
        };
        let lost = async {
            // A world that is gone has no faults any more; then `stop` ends this.
            if faults.wait_for(|active| active.has("github-lost")).await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        let up = stop.child_token();
        tokio::select! {
            () = stop.cancelled() => {}
            () = lost => {}
            () = accept(&router, &listening, &up) => {}
        }
        up.cancel();
    }
}

fn again(address: SocketAddr) -> Option<TcpListener> {
    bind(address).ok()
}

async fn accept(router: &Router, listener: &TcpListener, up: &CancellationToken) {
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
                () = connection(router, stream) => {}
            }
        });
    }
}

async fn connection(router: Router, stream: TcpStream) {
    // Small answers must not wait for more to come.
    if stream.set_nodelay(true).is_err() {
        return;
    }
    let mut server = http1::Builder::new();
    server.timer(TokioTimer::new());
    let served = server.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    if let Err(error) = served.await {
        tracing::debug!("a connection of the rehearsal's GitHub ended: {error}");
    }
}
