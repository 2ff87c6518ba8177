//! The use cases, one a file: `op::name(&ctx, Input) -> Result<Output, Error>`.
//!
//! Each reads what it needs, decides, commits one batch, and publishes after.

pub mod authenticate;
pub mod user_bearer;
pub mod login;
pub mod signed_session;
pub mod signed_request;
pub mod managed_users;
pub mod sign_up;
pub mod sign_in;
pub mod change_password;
pub mod login_anonymous;
pub mod tracking;
pub mod refresh;
pub mod sessions;
pub mod users;
pub mod erasures;
pub mod describe;
pub mod conversations;
pub mod instant;
pub mod members;
pub mod events;
pub mod signals;
pub mod connect;
pub mod delivery;
pub mod attachments;
pub mod announced_file;
pub mod applications;
pub mod signing_keys;
pub mod api_keys;
pub mod own_api_key;
pub mod login_secret;
pub mod key_uses;
pub mod store_watch;
pub mod janitor;
pub mod settings;
pub mod origins;
pub mod audit;
pub mod audit_seal;
pub mod revoke;
pub mod introspect;
pub mod explain;
pub mod answer;
mod claims_query;
mod commit;
mod profile;
mod visitor;
