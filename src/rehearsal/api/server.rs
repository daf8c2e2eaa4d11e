//! The listener: TLS and HTTP/1.1, which all clients speak and upgrades need, and the
//! faults that trouble connections.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::header::DATE;
use axum::http::{HeaderValue, Response};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use super::request::answer;
use crate::rehearsal::door::{Host, keep_open};
use crate::rehearsal::world::World;

/// How long a client may take to shake hands.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// When a listener that failed is tried again.
const AGAIN: Duration = Duration::from_millis(50);

/// Serves until `stop`. While the API server is lost, nobody listens at its port and
/// all its connections are cut.
pub(super) async fn serve(
    world: Arc<World>,
    listener: TcpListener,
    acceptor: TlsAcceptor,
    stop: CancellationToken,
) {
    let faults = world.faults.clone();
    keep_open(listener, &faults, Some("api-lost"), stop, &Tls { world, acceptor }).await;
}

/// Serves the API behind TLS.
struct Tls {
    world: Arc<World>,
    acceptor: TlsAcceptor,
}

impl Host for Tls {
    async fn accept(&self, listener: &TcpListener, up: &CancellationToken) {
        loop {
            let Ok((stream, _)) = listener.accept().await else {
                // Out of file descriptors, mostly: others will be given back.
                tokio::time::sleep(AGAIN).await;
                continue;
            };
            let (world, acceptor, up) = (Arc::clone(&self.world), self.acceptor.clone(), up.clone());
            tokio::spawn(async move {
                tokio::select! {
                    () = up.cancelled() => {}
                    () = connection(world, stream, acceptor) => {}
                }
            });
        }
    }
}

async fn connection(world: Arc<World>, stream: TcpStream, acceptor: TlsAcceptor) {
    // Small answers must not wait for more to come.
    if stream.set_nodelay(true).is_err() {
        return;
    }
    let Ok(Ok(stream)) = tokio::time::timeout(HANDSHAKE, acceptor.accept(stream)).await else { return };
    let service = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
        let world = Arc::clone(&world);
        async move { Ok::<_, Infallible>(on_time(&world, request.map(Body::new)).await) }
    });
    let mut server = http1::Builder::new();
    server.timer(TokioTimer::new());
    if let Err(error) = server.serve_connection(TokioIo::new(stream), service).with_upgrades().await {
        tracing::debug!("a connection of the rehearsal's API ended: {error}");
    }
}

/// Answers, with the server's own idea of the time; not at all while it is frozen.
async fn on_time(world: &Arc<World>, request: axum::extract::Request) -> Response<Body> {
    let mut faults = world.faults.subscribe();
    let thawed = faults.wait_for(|active| !active.has("api-frozen")).await.is_ok();
    if !thawed {
        return Response::new(Body::empty());
    }
    let mut response = answer(world, request).await;
    let date = world.now().strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
    if let Ok(date) = HeaderValue::from_str(&date) {
        response.headers_mut().insert(DATE, date);
    }
    response
}
