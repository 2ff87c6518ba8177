//! Transports: conversations, as clients of this protocol send to them.
//!
//! A client names the users whom it writes to and is told where their messages
//! go, and by which key they are sealed; one that gets a message asks the same by
//! the transport's id. Each user has one channel, for all devices.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use countersign_core::context::Ctx;
use countersign_core::error::{Code, Error};
use countersign_core::id::{ConversationId, UserId};
use countersign_core::op::instant::{self, Instant};
use countersign_core::op::signed_request::Signed;
use http::Uri;
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::Answer;
use super::asked::{Asked, AskedAgain, List};
use super::failure::{ErrorCode, Refused};
use super::names;

/// The one kind of identity that users have here.
const USERNAME: &str = "username";

/// Whom a message is for.
#[derive(Debug, Deserialize)]
pub(super) struct Recipient {
    identity: String,
    #[serde(rename = "type")]
    kind: Option<String>,
}

/// A user in a transport.
struct Participant<'a> {
    user: UserId,
    name: Option<&'a str>,
}

/// `POST /v1/transport`: the recipients, each once and without who asks, since a
/// client adds itself. One that misses a recipient in the answer tells its app
/// that the user does not exist, and reads no further; nothing is created then.
pub(super) async fn open(
    State(ctx): State<Arc<Ctx>>,
    AskedAgain(Asked { signed }): AskedAgain,
    List(recipients): List<Recipient>,
) -> Result<Response, Refused> {
    let names: Result<Vec<String>, Error> = recipients.into_iter().map(Recipient::name).collect();
    let found = instant::instant_conversation(&ctx, &signed.principal, &names?).await?;
    let (conversation, users) = match &found {
        Instant::Of {
            conversation,
            others,
        } => (Some(*conversation), others),
        Instant::Unknown { found, .. } => (None, found),
    };
    let participants = users.iter().map(|user| Participant {
        user: user.id,
        name: user.name.as_ref().map(|name| name.as_str()),
    });
    let shown = shown(&ctx, &signed, conversation, participants);
    Ok(Answer(shown.ok_or_else(names::over)?).into_response())
}

/// `GET /v1/transport?transportId=X`: of every conversation in which who asks is
/// joined, also of one that was made at another door. All who are joined are
/// participants, but of a large conversation only the asker and the hundred who
/// have been there longest.
///
/// Who may not know of a conversation hears the same as of one that is none, and
/// that its parameter is bad: at the number of what is not found, a client could
/// forget its instance.
pub(super) async fn read(
    State(ctx): State<Arc<Ctx>>,
    Asked { signed }: Asked,
    uri: Uri,
) -> Result<Response, Refused> {
    let conversation = transport_id(&uri)?;
    let members = instant::participants(&ctx, &signed.principal, conversation).await;
    let members = members.map_err(|error| {
        if error.code == Code::NotFound {
            unknown_transport()
        } else {
            error.into()
        }
    })?;
    let participants = members.iter().map(|member| Participant {
        user: member.user,
        name: member.names.name.as_deref(),
    });
    let shown = shown(&ctx, &signed, Some(conversation), participants);
    Ok(Answer(shown.ok_or_else(names::over)?).into_response())
}

/// A transport, as a session is told it; without an id and a key where there is
/// none yet. `None` where the session is over.
fn shown<'a>(
    ctx: &Ctx,
    signed: &Signed,
    conversation: Option<ConversationId>,
    participants: impl Iterator<Item = Participant<'a>>,
) -> Option<Value> {
    let signer = &signed.signer;
    let mut shown = Vec::new();
    for participant in participants {
        shown.push(json!({
            "channel": names::transport_channel(ctx, signer, participant.user)?,
            "destination": { "identity": participant.identity(), "type": USERNAME },
            // Whoever is away, or at another door, gets the message later or there.
            "instances": [{
                "instanceId": names::user_instance(ctx, signer, participant.user)?,
                "capabilities": ["online", "im"],
            }],
        }));
    }
    let Some(conversation) = conversation else {
        return Some(json!({ "participants": shown }));
    };
    let key = names::transport_key(ctx, signer, conversation)?;
    Some(json!({
        "transportId": conversation.to_string(),
        "key": key.to_base64(),
        "participants": shown,
    }))
}

fn transport_id(uri: &Uri) -> Result<ConversationId, Refused> {
    // A client puts a `&` at the end.
    let pairs = uri.query().unwrap_or_default().split('&');
    let mut named = pairs.filter_map(|pair| pair.strip_prefix("transportId="));
    let Some(id) = named.next() else {
        let error = Error::new(Code::BadRequest, "the request names no transport")
            .hint("name it: ?transportId=…");
        return Err(Refused::told(error, ErrorCode::MISSING_PARAMETER));
    };
    match (id.parse(), named.next()) {
        (Ok(id), None) => Ok(id),
        (Ok(_) | Err(_), _) => Err(unknown_transport()),
    }
}

fn unknown_transport() -> Refused {
    let error = Error::new(
        Code::BadRequest,
        "transportId names no transport of this user",
    )
    .hint("ask for one: POST /v1/transport");
    Refused::told(error, ErrorCode::BAD_PARAMETER)
}

// === impl Recipient ===

impl Recipient {
    fn name(self) -> Result<String, Error> {
        match self.kind.as_deref() {
            None | Some(USERNAME) => Ok(self.identity),
            Some(_) => Err(Error::new(
                Code::BadRequest,
                "a recipient has an identity of another type than username",
            )
            .hint("name recipients by their user names")),
        }
    }
}

// === impl Participant ===

impl Participant<'_> {
    /// As who the user is written to; by id, where it has no name.
    fn identity(&self) -> String {
        self.name
            .map_or_else(|| self.user.to_string(), str::to_owned)
    }
}
