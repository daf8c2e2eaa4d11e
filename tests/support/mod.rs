//! What the tests share. Not every test uses all of it.
#![allow(
    dead_code,
    unreachable_pub,
    missing_debug_implementations,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic
)]

pub mod lab;
pub mod proxy;
pub mod pty;
