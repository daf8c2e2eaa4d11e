//! What the tests share. Not every test uses all of it.
#![allow(
    dead_code,
    unreachable_pub,
    missing_debug_implementations,
    unused_imports,
    unused_macros,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic
)]

use std::time::{Duration, Instant};

pub mod bastion;
pub mod grafana;
pub mod lab;
pub mod past;
pub mod postgres;
pub mod proxy;
pub mod pty;
pub mod rehearsal;
pub mod repository;
pub mod users;
pub mod world;

/// The program that serves rehearsals and is measured: a release build when one is named.
pub fn program() -> String {
    std::env::var("CUTOVER_MEASURED_BINARY").unwrap_or_else(|_| env!("CARGO_BIN_EXE_cutover").to_owned())
}

/// Asks again and again until there is an answer.
///
/// Panics when there is none within `limit`.
pub fn until<T>(what: &str, limit: Duration, mut ask: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < deadline, "waited {} s for {what}", limit.as_secs());
        std::thread::sleep(Duration::from_millis(50));
    }
}
