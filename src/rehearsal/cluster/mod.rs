//! The cluster: its objects, the controllers that move them, and the kubelet that runs
//! what they ask for.

mod actors;
mod controllers;
pub mod event;
mod kubelet;
pub mod leaving;
pub mod object;
pub mod resource;
mod seed;
pub mod store;
mod template;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::world::World;

pub use kubelet::digits;
pub use seed::seed;

/// Moves the cluster until `stop`.
pub async fn run(world: Arc<World>, stop: CancellationToken) {
    tokio::select! {
        () = stop.cancelled() => {}
        () = controllers::run(Arc::clone(&world)) => {}
        () = kubelet::run(Arc::clone(&world)) => {}
        () = actors::run(world) => {}
    }
}
