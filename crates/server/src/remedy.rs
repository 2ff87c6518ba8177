// tidy: declarative, one table
//! What each code means to whoever meets it, and what to do about it.
//!
//! The one source of the pages under `/errors`, and of docs/errors.md. The
//! sentence in an answer says what happened this time; what stands here holds
//! every time.

use countersign_core::error::Code;

/// A protocol at whose door a refusal can be met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// Ours.
    Native,
    /// That of the Nexmo clients.
    Nexmo,
    /// That of Kustomer Chat.
    Kustomer,
    /// That of the Sinch clients.
    Sinch,
}

/// What there is to know about a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Remedy {
    /// Why something is refused with it.
    pub cause: &'static str,
    /// What to do about it.
    pub remedy: &'static str,
    /// Where it can be met.
    pub doors: &'static [Door],
}

const EVERYWHERE: &[Door] = &[Door::Native, Door::Nexmo, Door::Kustomer, Door::Sinch];
const NATIVE: &[Door] = &[Door::Native];
const SINCH: &[Door] = &[Door::Sinch];
/// Where a credential or token has a header and a signature of its own.
const JWTS: &[Door] = EVERYWHERE;
/// Where a nexmo JWT is shown: to log in, or as a bearer.
const NEXMO_JWTS: &[Door] = &[Door::Native, Door::Nexmo];
/// Where a kustomer JWT is shown.
const KUSTOMER_JWTS: &[Door] = &[Door::Native, Door::Kustomer];
/// Where API keys are shown, or our own tokens.
const BEARERS: &[Door] = &[Door::Native, Door::Nexmo, Door::Kustomer];

macro_rules! remedies {
    ($($name:ident, $doors:expr, $cause:literal, $remedy:literal;)*) => {
        /// What to do about a code.
        #[must_use]
        pub fn remedy(code: Code) -> Remedy {
            match code {
                $(Code::$name => Remedy { cause: $cause, remedy: $remedy, doors: $doors },)*
            }
        }
    };
}

remedies! {
    MalformedJson, EVERYWHERE,
        "Not every reader would read it alike: it breaks off, has a member twice, a byte order \
         mark, half of a surrogate pair, or nests too deep.",
        "Write the body with a JSON library, as UTF-8, and send nothing after it.";
    BadRequest, EVERYWHERE,
        "A member, parameter or header is missing, is not known, or has a value that it cannot \
         have.",
        "`detail` names the member. Compare it with the call's description: a misspelled member is \
         refused too, rather than ignored.";
    BadPath, EVERYWHERE,
        "A proxy and the server could take it for different paths: it has `//`, `.` or `..` as a \
         segment, `;`, or an escaped `/`, `\\` or control character.",
        "Build the path from its segments, each escaped once. Ids never need escaping.";
    ApplicationRequired, NATIVE,
        "An operator key acts in every application, a kustomer credential names none, and the \
         request does not say which one is meant.",
        "Add `?application_id=`, or for a login `application_id` to the body. An admin key has one \
         application, and needs neither.";
    CurrentTokenInvalid, KUSTOMER_JWTS,
        "The device's own token that came with the login is malformed, or of another application. \
         The login was not tried.",
        "Send the access token exactly as the last answer had it, or leave it out if the device has \
         none. Keep the devices of different applications apart.";
    NoCredential, EVERYWHERE,
        "The request shows nothing that says who asks, or shows it where no bearer is read.",
        "Send `Authorization: Bearer …` with an access token or an API key. A credential that a \
         backend has signed is no bearer: exchange it at `POST /v1/sessions` first.";
    MalformedToken, EVERYWHERE,
        "The token or credential has a form that none has: cut off, with white space around it, too \
         long, or changed on its way.",
        "Pass tokens on as they are, never through a URL or a log. `countersign token explain` \
         shows where the form breaks.";
    UnsupportedHeader, JWTS,
        "It asks for what is never done: `crit`, `b64`, `zip`, a key that it brings along (`jwk`, \
         `x5c`) or fetches (`jku`, `x5u`), or a `typ` of something else.",
        "Sign with `alg`, `typ` `JWT` and, if you like, `kid`, and nothing else in the header.";
    UnsupportedAlgorithm, JWTS,
        "The credential's `alg` is not the one of the key that it asks for, or none that its \
         dialect allows.",
        "nexmo signs with RS256, kustomer and sinch's JWT with HS256, native with RS256, ES256, \
         EdDSA or HS256. `GET …/keys` lists the algorithms of your keys.";
    UnknownKey, EVERYWHERE,
        "No key is meant: the `kid` is none of the application's, the key was revoked, or the API \
         key is revoked, over, or of another installation.",
        "Compare the `kid` with `GET …/keys`; without one, the current and the previous key of the \
         algorithm are tried. An API key that is gone is made anew.";
    BadSignature, EVERYWHERE,
        "The signature was not made with the key that the credential asks for, or what is signed \
         was changed afterwards.",
        "The usual causes: the secret of another application, a secret decoded (or not) from \
         base64, a key pair that was exchanged on one side alone. `countersign token explain \
         --application FILE` tries it without a server.";
    Expired, EVERYWHERE,
        "The credential's, token's or request's time is over: `exp` is not later than the server's \
         time, for which there is no leeway.",
        "Sign a new one for each login. If it was just signed, compare `server_time` with the clock \
         that signed it; `exp` is in seconds, not milliseconds.";
    NotYetValid, EVERYWHERE,
        "`iat`, `nbf` or the request's own time lies ahead of the server's by more than the leeway.",
        "`detail` has the difference. Let the backend's clock be set by NTP; the application's \
         setting `leeway_s` allows more, up to five minutes.";
    TooOld, EVERYWHERE,
        "The credential was signed too long ago, whatever its `exp` says: a kustomer JWT lives \
         fifteen minutes from its `iat`, every other dialect's at most a day.",
        "Sign when the user logs in, not when the app starts or is built.";
    WrongAudience, EVERYWHERE,
        "The credential, key or token is of another application than the request, or it says itself \
         that it is for somebody else (`aud`).",
        "Where an application is named in several places, name the same one. `aud` is the \
         application's id, never its alias or slug.";
    BadClaim, EVERYWHERE,
        "A claim is missing, or has a type or a value that it cannot have: an empty `sub`, an \
         e-mail address that is none, a time that is a text.",
        "`detail` names the claim. The guide of each door lists what its credentials must say.";
    BadAcl, NEXMO_JWTS,
        "The credential's `acl` has something that is not understood. It is refused as a whole: a \
         part that was ignored could have been a limit.",
        "Patterns begin with `/`, `*` is one segment and `**` the rest; a rule has `methods` and \
         `filters`, and nothing else.";
    NoSubject, NEXMO_JWTS,
        "A nexmo JWT without `sub` speaks for a backend, and was shown where a user logs in.",
        "Put the user's name into `sub`. To call the API as a backend, show the JWT as bearer.";
    CredentialUsed, EVERYWHERE,
        "The credential opens one session, and has opened it; or a signed request came a second \
         time.",
        "Sign a credential for each login. A client that repeats a login whose answer was lost \
         sends the same `nonce` again, and is given the same session.";
    CredentialRevoked, EVERYWHERE,
        "The credential was revoked: itself, or everything of its user, key or application up to a \
         moment that is not before its `iat`.",
        "Sign a new one. Where it was signed in the very second of the revocation, the next second \
         will do.";
    UnknownUser, EVERYWHERE,
        "The credential is good, and its user does not exist. Whether such a login creates the user \
         is a setting; a nexmo JWT never does by itself.",
        "Create the user first, with exactly the name that the credential has, or let the setting \
         `unknown_user` create it.";
    WrongPassword, SINCH,
        "There is no user of this name with this password. It is not said which of the two is \
         wrong.",
        "Ask the person again. After several wrong ones the next is refused for a while, the right \
         one too.";
    UserBlocked, EVERYWHERE,
        "The application has blocked this user.",
        "A backend lifts it: `PATCH /v1/users/{user_id}` with `{\"blocked\": false}`. The user logs \
         in again after that.";
    SessionEnded, EVERYWHERE,
        "The session is over: logged out, ended on another device, revoked, silent for too long, or \
         pushed out by newer ones.",
        "Do not retry. Forget the tokens, and log in with a new credential. The conversations are \
         still there.";
    AccessExpired, BEARERS,
        "The access token is over. They live for minutes, on purpose.",
        "Exchange the refresh token at `POST /v1/sessions/refresh`, and repeat the call. Our \
         clients do so by themselves.";
    RefreshReused, KUSTOMER_JWTS,
        "A token was shown that had been exchanged already. Two holders of one token cannot be told \
         apart, so the session was ended for both.",
        "Log in again. It is no theft where tabs refresh side by side: let them share the `nonce` \
         that is made when a token is stored, and all get the same answer.";
    CurrentTokenExpired, NATIVE,
        "The device's own token that came with the login is over. Nothing was changed: without it \
         the visitor's conversations could not have been moved.",
        "Refresh first, then log in with the new access token.";
    NotPermitted, EVERYWHERE,
        "It is known who asks, and this is not theirs to do: the key lacks the role, the user is no \
         member or not the creator, the page's origin is not allowed, or a setting is off.",
        "The call's description says which bearers may. Pages need their origin in \
         `allowed_origins`.";
    AclDenied, EVERYWHERE,
        "The `acl` of the credential that opened the session, or the application's `default_acl`, \
         has no rule for this call.",
        "Add a pattern for the native path of the call: one ACL holds at every door. `countersign \
         token explain` lists what a credential allows.";
    TlsRequired, BEARERS,
        "An operator or admin key came over plain HTTP from another machine, where anybody on the \
         way could have read it.",
        "Call by https, or name the proxy that takes the TLS off in the configuration. Replace the \
         key: it has been in the open.";
    NotFound, EVERYWHERE,
        "There is no such thing, or who asks may not know whether there is.",
        "Compare the id and the application. A conversation is found by its members and its \
         application's keys alone.";
    MethodNotAllowed, EVERYWHERE,
        "The path is one of the API's, and has no such method.",
        "The header `Allow` names those that it has.";
    AlreadyIdentified, KUSTOMER_JWTS,
        "The device is logged in as another user. Two users are never made one, and nothing was \
         changed.",
        "Log out first, or say `\"switch\": true`: the other user's session ends then, and nothing \
         of it stays readable on the device.";
    IdentityConflict, KUSTOMER_JWTS,
        "The credential's `email` and `externalId` name two different users, and the setting \
         `identity_conflict` is `reject`.",
        "Find out which one is meant, and correct the other user. Never let a person set an e-mail \
         address that your backend signs without proof.";
    Conflict, EVERYWHERE,
        "Another thing has this name or identifier, a limit of how many there may be is reached, or \
         it was changed by somebody else at the same moment.",
        "`detail` says which. Choose another name, or read the thing again and repeat.";
    ClientIdReused, EVERYWHERE,
        "The client has used this `client_id` before, for something with another content.",
        "Make an id for each thing that is created, and send it again only with the same body.";
    TooManyConversations, KUSTOMER_JWTS,
        "A visitor has as many open conversations as a visitor may have.",
        "Go on in one of them, or log in: an identified user has no such limit.";
    UserAnonymous, NEXMO_JWTS,
        "A visitor is to be invited, added or given an identifier. Visitors are known to their own \
         device alone.",
        "Let the person log in; the conversations move along.";
    TooLarge, EVERYWHERE,
        "A body, file, frame or value is larger than its limit. `detail` has the limit.",
        "Bodies and frames have at most 64 KiB, files 5 MiB. Send what is larger as a file, or a \
         link to it.";
    UnsupportedMediaType, EVERYWHERE,
        "The body's `Content-Type` is missing or another one than the call takes, the body is \
         compressed, or a file is of a kind that is not stored.",
        "Send `Content-Type: application/json` and no `Content-Encoding`. What a file is, its first \
         bytes tell.";
    RateLimited, EVERYWHERE,
        "Too many calls in too short a time, by one address, session, user or key; or too many \
         wrong passwords.",
        "Wait as many seconds as `Retry-After` says. Where calls are counted, `RateLimit-Remaining` \
         tells how many are left.";
    Internal, EVERYWHERE,
        "A fault of ours. What happened is in the server's log, and not in the answer.",
        "Look for the answer's `X-Request-Id` in the log, and report it with the line that is \
         there. To repeat the call is safe with the same `client_id` or `nonce`.";
    Unavailable, EVERYWHERE,
        "The store cannot be reached, refuses work, or has not been seen for seconds; or the node \
         has no room at the moment.",
        "Repeat after `Retry-After`, with the same `client_id` or `nonce`. The operator looks at \
         `/readyz`, the disk and the log.";
}

// === impl Door ===

impl Door {
    /// Every door.
    pub const ALL: [Self; 4] = [Self::Native, Self::Nexmo, Self::Kustomer, Self::Sinch];

    /// What the door is called.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Nexmo => "nexmo",
            Self::Kustomer => "kustomer",
            Self::Sinch => "sinch",
        }
    }
}
