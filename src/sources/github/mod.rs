//! Reads pull request and pipeline from GitHub's REST API.

mod cache;
mod client;
mod limits;
mod links;
mod refusal;

pub use client::{Client, Trouble};
