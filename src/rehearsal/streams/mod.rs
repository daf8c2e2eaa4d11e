//! The API's streams: logs that are followed, ports that are forwarded.

pub mod logs;
pub mod portforward;
