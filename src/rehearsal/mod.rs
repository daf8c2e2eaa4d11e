//! Rehearsal: a world that lives inside the program, to practise in.
//!
//! It is a Kubernetes API, the controllers behind it, and the application that the
//! pods run, all served on loopback. The room reaches it with exactly the clients that
//! it uses for real; nothing outside this module knows that the world is not one.
//!
//! `cluster` holds the objects and the controllers that move them, `api` serves them as
//! Kubernetes does, `application` is what the pods run and what its users see,
//! `prometheus` measures them, `alertmanager` and `pagerduty` tell of what it finds,
//! `faults` is what can go wrong, `scenario` the plot.

pub mod alertmanager;
pub mod api;
pub mod application;
pub mod cluster;
mod door;
pub mod faults;
mod game_master;
pub mod objects;
pub mod pagerduty;
mod plot;
pub mod prometheus;
pub mod scenario;
mod signals;
pub mod stage;
pub mod streams;
pub mod world;
