//! The Service as its users reach it: plain HTTP on loopback. Each connection is given to
//! one pod and stays with it, whatever becomes of the Service's selector, until one of
//! the two ends leaves.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::users::endpoint;
use super::{Process, Stage};
use crate::rehearsal::world::World;

/// How long a client may take to send its request's head.
const HEAD: Duration = Duration::from_secs(30);
/// Most connections at a time.
const MOST: usize = 1024;
/// When the listener is asked again after it failed.
const AGAIN: Duration = Duration::from_millis(50);

/// Serves users until `stop`.
pub async fn serve(world: Arc<World>, listener: TcpListener, stop: CancellationToken) {
    let places = Arc::new(Semaphore::new(MOST));
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        let Ok((stream, _)) = accepted else {
            tokio::time::sleep(AGAIN).await;
            continue;
        };
        // Nobody serves: the connection is closed without an answer.
        let Some(process) = endpoint(&world) else { continue };
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else { continue };
        let (world, stop) = (Arc::clone(&world), stop.clone());
        tokio::spawn(async move {
            let _place = place;
            tokio::select! {
                () = stop.cancelled() => {}
                () = connection(world, process, stream) => {}
            }
        });
    }
}

/// One connection to one pod, until either leaves. A pod that drains answers what it
/// has and says that it will take no more.
pub(in crate::rehearsal) async fn connection<S>(world: Arc<World>, process: Arc<Process>, stream: S)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut stage = process.stage();
    let service = service_fn(move |request: Request<Incoming>| {
        let (world, process) = (Arc::clone(&world), Arc::clone(&process));
        async move { Ok::<_, Infallible>(answer(&world, &process, &request).await) }
    });
    let mut builder = hyper::server::conn::http1::Builder::new();
    builder.half_close(true).timer(TokioTimer::new()).header_read_timeout(HEAD);
    let connection = builder.serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    let mut draining = false;
    loop {
        tokio::select! {
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!("a connection to the rehearsal's application ended: {error}");
                }
                return;
            }
            changed = stage.wait_for(|stage| *stage >= Stage::Draining), if !draining => {
                if changed.is_err() {
                    return;
                }
                draining = true;
                connection.as_mut().graceful_shutdown();
            }
        }
    }
}

/// The application's answer as HTTP.
async fn answer(world: &World, process: &Arc<Process>, request: &Request<Incoming>) -> Response<String> {
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    let answer = process.answer(world, path).await;
    let mut response = Response::builder().status(answer.status);
    for (name, value) in answer.headers {
        response = response.header(name, value);
    }
    // The application's answers are all well-formed; anything else would be an empty 200.
    response.body(answer.body).unwrap_or_default()
}
