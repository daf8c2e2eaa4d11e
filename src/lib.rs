//! The control room for blue/green deployments. The README says what it is and how
//! it keeps operators safe; each module below is one room of the house, and arrows
//! point one way: `ui`, `sources` and `executor` know `room`, `room` knows `sop`,
//! `sop` knows nobody.

pub mod cli;
pub mod clock;
pub mod config;
pub mod control;
pub mod diagnostics;
pub mod doctor;
pub mod executor;
pub mod journal;
pub mod operator;
mod process_group;
pub mod redaction;
pub mod rehearsal;
pub mod room;
pub mod sop;
pub mod sources;
pub mod term;
pub mod ui;
pub mod warroom;
