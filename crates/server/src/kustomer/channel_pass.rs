//! Passes: how a device is let into a channel. It asks over HTTP, with its own
//! token, for what its socket shows then: the socket itself carries no token.

use std::sync::Arc;

use axum::extract::State;
use countersign_core::context::Ctx;
use countersign_core::error::{Code, Error};
use countersign_core::id::ApplicationId;
use countersign_core::op;
use countersign_core::op::tracking::Tracked;
use countersign_core::op::tracking::pass::{pass, read_pass};
use countersign_core::token::Token;
use http::StatusCode;
use serde::Deserialize;
use serde_json::json;

use super::answer::Answer;
use super::asked::{Device, FormOrJson};
use super::channel::{Channel, Of};
use super::failure::Refused;
use super::organization::Organization;

/// The longest that a socket's id is.
const SOCKET_ID_BYTES_MAX: usize = 64;

/// A socket, and the channel that it wants to be in.
#[derive(Debug, Deserialize)]
pub(super) struct Wanted {
    socket_id: String,
    channel_name: String,
}

/// `POST /c/v1/pusher/auth`: what a socket is let into a channel by.
pub(super) async fn give(
    State(ctx): State<Arc<Ctx>>,
    Organization(judge): Organization,
    Device(device): Device,
    FormOrJson(wanted): FormOrJson<Wanted>,
) -> Result<Answer, Refused> {
    let application = judge.application.id;
    let socket_id = checked_socket_id(&wanted.socket_id)?;
    let channel = Channel::of(&wanted.channel_name);
    let channel = channel.filter(|channel| channel.application == application);
    let channel = channel.ok_or_else(|| Error::not_found("channel"))?;
    check(&ctx, &device, channel).await?;
    let data = channel
        .has_presence()
        .then(|| json!({ "user_id": device.user.id.to_string(), "user_info": {} }).to_string());
    let of = [
        socket_id,
        &wanted.channel_name,
        data.as_deref().unwrap_or_default(),
    ];
    let pass = pass(&ctx, &judge, &device, &of)?;
    let mut answer = json!({ "auth": format!("{application}:{pass}") });
    if let Some(data) = data {
        answer["channel_data"] = data.into();
    }
    Ok(Answer(StatusCode::OK, answer))
}

/// Whose a pass is, where it lets this socket into this channel.
pub(super) fn read(
    ctx: &Ctx,
    application: ApplicationId,
    socket_id: &str,
    (channel, auth, data): (&str, &str, &str),
) -> Result<(Channel, Token), Error> {
    let wrong = || Error::new(Code::MalformedToken, "this is no pass for the channel");
    let known = Channel::of(channel).filter(|channel| channel.application == application);
    let known = known.ok_or_else(wrong)?;
    let (key, pass) = auth.split_once(':').ok_or_else(wrong)?;
    if key != application.to_string() {
        return Err(wrong());
    }
    let token = read_pass(ctx, pass, &[socket_id, channel, data])?;
    if token.application == application {
        Ok((known, token))
    } else {
        Err(wrong())
    }
}

/// A channel of somebody else is not there, whether it is or not.
async fn check(ctx: &Ctx, device: &Tracked, channel: Channel) -> Result<(), Error> {
    let missing = || Err(Error::not_found("channel"));
    match channel.of {
        Of::Tracking(session) if session != device.session.id => missing(),
        Of::Customer(user) if user != device.user.id => missing(),
        Of::Tracking(_) | Of::Customer(_) => Ok(()),
        Of::Chat(chat) => {
            op::conversations::read_conversation(ctx, &device.principal, chat).await?;
            Ok(())
        }
    }
}

fn checked_socket_id(text: &str) -> Result<&str, Error> {
    let numbers = text.split_once('.');
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let fits = numbers.is_some_and(|(one, other)| is_number(one) && is_number(other));
    if fits && text.len() <= SOCKET_ID_BYTES_MAX {
        Ok(text)
    } else {
        let detail = "socket_id: two numbers with a dot between them, as the socket was told";
        Err(Error::new(Code::BadRequest, detail))
    }
}
