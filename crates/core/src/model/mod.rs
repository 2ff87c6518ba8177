//! The nouns. Each is what the domain knows of a thing, in domain types; how it
//! is stored is the store's business, and how it is spoken is each door's.

pub mod application;
pub mod origin;
pub mod settings;
pub mod settings_patch;
pub mod signing_key;
pub mod api_key;
pub mod user;
pub mod password;
pub mod person;
pub mod session;
pub mod epoch;
pub mod revocation;
pub mod pseudonym;
pub mod conversation;
pub mod member;
pub mod event;
pub mod signal;
pub mod attachment;
pub mod media_type;
pub mod audit;
pub mod export;
pub mod erasure;
pub mod page;
