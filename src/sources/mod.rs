//! What is read from outside. Each source sends observations into the room's one
//! bounded channel and says how its connection stands; none of them changes anything.

pub mod alerts;
mod backoff;
pub mod checks;
pub mod github;
pub mod http;
pub mod kubernetes;
pub mod logs;
pub mod pagerduty;
mod pass;
mod poll;
pub mod probe;
pub mod prometheus;
pub mod text;
