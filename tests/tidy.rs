//! The architecture as a test: what DESIGN and STYLE promise about the house and a compiler cannot see.
//!
//! Reads the repository and the tables' names; runs nothing. Each rule says in its message what to do about it.

#[path = "tidy/arrows.rs"]
mod arrows;
#[path = "tidy/house.rs"]
mod house;
#[path = "tidy/messages.rs"]
mod messages;
#[path = "tidy/rooms.rs"]
mod rooms;
#[path = "tidy/tables.rs"]
mod tables;
#[path = "tidy/words.rs"]
mod words;
