//! Users who sign up, sign in and change their password by themselves.

use std::fmt;
use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use countersign_core::context::Ctx;
use countersign_core::error::{Code, Error};
use countersign_core::model::password::Password;
use countersign_core::op::change_password::{ChangePassword, change_password as change};
use countersign_core::op::managed_users::SignedIn;
use countersign_core::op::sign_in::{SignIn, sign_in as enter};
use countersign_core::op::sign_up::{SignUp, sign_up as register};
use countersign_credential::subject::UserName;
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::answer::Answer;
use super::asked::{App, Asked, Json};
use super::failure::Refused;
use super::profile::shown;
use crate::connection::Connection;
use crate::passed::Passed;
use crate::path;
use crate::route::Parameters;

/// The one kind of identity that users have here.
const USER_NAME: &str = "username";

/// A password in a body.
struct Text(Zeroizing<String>);

/// Who wants to sign up.
#[derive(Debug, Deserialize)]
pub(super) struct New {
    password: Text,
    identities: Vec<Identity>,
}

#[derive(Debug, Deserialize)]
struct Identity {
    #[serde(rename = "type")]
    kind: String,
    endpoint: String,
}

/// Who wants to sign in, beside the name in the path.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Known {
    password: Text,
    expires_in: Option<f64>,
}

/// A change of password.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Change {
    current_password: Text,
    new_password: Text,
}

/// `POST /v1/users`
pub(super) async fn sign_up(
    State(ctx): State<Arc<Ctx>>,
    App(principal): App,
    Json(new): Json<New>,
) -> Result<Response, Refused> {
    let new = SignUp {
        name: name_of(&new.identities)?,
        password: new.password.read()?,
    };
    let signed_in = register(&ctx, &principal, new).await?;
    Ok(Answer(answer(&signed_in)).into_response())
}

/// `POST /v1/users/{kind}/{name}/authentication`. What is no user name is nobody's.
pub(super) async fn sign_in(
    State(ctx): State<Arc<Ctx>>,
    Passed { operations, .. }: Passed,
    connection: Connection,
    App(principal): App,
    parameters: Parameters,
    Json(known): Json<Known>,
) -> Result<Response, Refused> {
    let kind = parameters.get("kind").unwrap_or_default();
    if ![USER_NAME, "email", "number"].contains(&kind) {
        return Err(Error::not_found("path").into());
    }
    let text = parameters.get("name").unwrap_or_default();
    let application = principal.application.ok_or_else(no_application)?;
    let tries = &operations.password_tries;
    let account = format!("{kind}/{text}");
    let account = tries.shown(application, &account, connection);
    let asked = SignIn {
        name: UserName::parse(text).ok().filter(|_| kind == USER_NAME),
        password: known.password.read()?,
        life_s: known.expires_in.map(seconds).transpose()?,
    };
    let entering = enter(&ctx, &principal, asked);
    let signed_in = tries.counting(account, ctx.now(), entering).await?;
    Ok(Answer(answer(&signed_in)).into_response())
}

/// `PUT /v1/user/password`. The SDK sends what the app gives it, and says nothing of
/// what that is; so this is ours.
pub(super) async fn change_password(
    State(ctx): State<Arc<Ctx>>,
    Passed { operations, .. }: Passed,
    connection: Connection,
    Asked { signed }: Asked,
    Json(passwords): Json<Change>,
) -> Result<Response, Refused> {
    let asked = ChangePassword {
        current: passwords.current_password.read()?,
        new: passwords.new_password.read()?,
    };
    let tries = &operations.password_tries;
    let name = signed.user.name.as_ref().map(UserName::as_str);
    let account = format!("{USER_NAME}/{}", name.unwrap_or_default());
    let account = tries.shown(signed.signer.application(), &account, connection);
    let changing = change(&ctx, &signed.principal, asked);
    tries.counting(account, ctx.now(), changing).await?;
    Ok(Answer(json!({})).into_response())
}

fn answer(signed_in: &SignedIn) -> Value {
    let mut user = shown(&signed_in.user);
    user["profile"] = json!({});
    json!({
        "authorization": signed_in.ticket.text,
        "user": user,
        "expiresIn": signed_in.ticket.life_s,
    })
}

/// The name of who signs up: the one identity that they give.
fn name_of(identities: &[Identity]) -> Result<UserName, Error> {
    let wrong = |detail: String| Error::new(Code::BadRequest, detail);
    let [identity] = identities else {
        let detail = format!(
            "a user has one identity here, and these are {}",
            identities.len()
        );
        return Err(wrong(detail).hint("send one identity, of the type username"));
    };
    if identity.kind != USER_NAME {
        let detail = "an identity is of the type username here, and this is of another".to_owned();
        return Err(wrong(detail).hint("let users sign up with a name"));
    }
    let name = UserName::parse(&identity.endpoint).map_err(|error| wrong(error.to_string()))?;
    // Whoever has such a name could never sign in by it.
    if path::is_segment(name.as_str()) {
        Ok(name)
    } else {
        let detail = "a name with a slash, backslash or semicolon, or of dots alone, cannot stand \
                      in the path by which its user would sign in";
        Err(wrong(detail.to_owned()))
    }
}

/// A time to live; parts of a second do not count.
fn seconds(number: f64) -> Result<u32, Error> {
    if number >= 1.0 {
        // The cast saturates, and more than the longest is given to nobody.
        return Ok(number as u32);
    }
    Err(Error::new(
        Code::BadRequest,
        "expiresIn is a number of seconds, 1 or more",
    ))
}

fn no_application() -> Error {
    Error::internal("an app names its application")
}

// === impl Text ===

impl Text {
    fn read(self) -> Result<Password, Error> {
        Password::new(self.0)
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Ok(Self(Zeroizing::new(text)))
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Text")
    }
}
