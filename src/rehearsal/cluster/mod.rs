//! The cluster: its objects, and the controllers that move them.

pub mod object;
pub mod resource;
pub mod store;
