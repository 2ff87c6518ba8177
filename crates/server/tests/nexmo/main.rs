//! The nexmo door: HTTP by hand, and Engine.IO over real sockets, on a real store.

mod world;
mod socket_client;
mod rest;
mod errors;
mod acl;
mod login;
mod live;
mod revocation;
mod bad_packets;
