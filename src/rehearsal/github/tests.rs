//! The world's GitHub over HTTP, on a clock of the tests' own where time matters.

mod over_http;
mod with_time;
