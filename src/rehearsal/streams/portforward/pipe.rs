//! The far end of a forwarded port: the application in the pod, or nobody.

use std::sync::Arc;

use tokio::io::{DuplexStream, duplex};

use crate::rehearsal::application::front;
use crate::rehearsal::scenario::PORT;
use crate::rehearsal::world::World;

/// Bytes on their way in one direction.
const BUFFER: usize = 64 * 1024;

/// Connects to a port of a pod.
///
/// # Errors
/// Words for the client where nobody listens.
pub(super) fn connect(world: &Arc<World>, pod: &str, port: u16) -> Result<DuplexStream, String> {
    let process = world.application.current(pod).filter(|process| process.is_serving() && port == PORT);
    let Some(process) = process else {
        return Err(format!(
            "error forwarding port {port} to pod {pod}: failed to connect to localhost:{port} inside its namespace: \
             connect: connection refused"
        ));
    };
    let (near, far) = duplex(BUFFER);
    tokio::spawn(front::connection(Arc::clone(world), process, far));
    Ok(near)
}
