//! Rehearsal: a world that lives inside the program, to practise in.
//!
//! It is a Kubernetes API, the controllers behind it, the application that the pods run,
//! and a GitHub with the pipeline, all served on loopback. The room reaches it with exactly the clients that
//! it uses for real; nothing outside this module knows that the world is not one.
//!
//! `cluster` holds the objects and the controllers that move them, `api` serves them as
//! Kubernetes does, `application` is what the pods run and what its users see, `faults`
//! is what can go wrong, `scenario` the plot.

pub mod api;
pub mod application;
pub mod cluster;
pub mod faults;
mod game_master;
pub mod github;
pub mod objects;
mod plot;
pub mod registry;
pub mod scenario;
pub mod stage;
pub mod streams;
pub mod world;
