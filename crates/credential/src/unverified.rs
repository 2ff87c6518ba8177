//! A credential before anything about it is known to be true: its form is
//! taken apart and its dialect recognised, and no key is touched.
//!
//! Absent on purpose: claims. All that leaves here is what is needed to find
//! the application whose keys can judge it.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::claims::Subject;
use crate::dialect::{self, Dialect};
use crate::explain::{Trail, name};
use crate::json;
use crate::jws::compact;
use crate::jws::header::{self, Header, HeaderError};
use crate::refusal::{Code, Refusal, quoted};
use crate::subject::UserName;

/// The longest credential that is looked at.
pub const CREDENTIAL_BYTES_MAX: usize = 8 * 1024;

/// A credential whose form is sound. Nothing that it says is verified.
pub struct Unverified<'a> {
    pub(crate) form: Form<'a>,
    dialect: Dialect,
    application_hints: Vec<String>,
}

/// The two forms that credentials have.
pub(crate) enum Form<'a> {
    /// A compact JWS, in any dialect.
    Jws(Jws<'a>),
    /// A Sinch authentication ticket.
    Ticket(Ticket),
}

/// A compact JWS taken apart.
pub(crate) struct Jws<'a> {
    /// `None` only where a doctor goes on after a header that was refused.
    pub(crate) header: Option<Header>,
    pub(crate) signing_input: &'a [u8],
    pub(crate) payload: Vec<u8>,
    pub(crate) signature: Vec<u8>,
}

/// A Sinch ticket taken apart.
pub(crate) struct Ticket {
    /// The JSON text; its UTF-8 bytes are what the MAC is over.
    pub(crate) json: String,
    pub(crate) mac: Vec<u8>,
}

/// Takes a credential apart, without any key. Whatever is not the strict form
/// of one is refused here, as is any header that is not understood.
///
/// # Errors
/// `malformed_token` or `unsupported_header`.
pub fn parse(text: &str) -> Result<Unverified<'_>, Refusal> {
    Ok(read(text, &mut Trail::Verdict)?.expect("a trail for a verdict ends at the first failure"))
}

/// Takes a credential apart and reports the checks. `Ok(None)`: not one.
pub(crate) fn read<'a>(
    text: &'a str,
    trail: &mut Trail,
) -> Result<Option<Unverified<'a>>, Refusal> {
    if text.len() > CREDENTIAL_BYTES_MAX {
        let detail = format!(
            "{} bytes, and a credential has at most {CREDENTIAL_BYTES_MAX}",
            text.len()
        );
        let outcome = Err(Refusal::new(Code::MalformedToken, detail));
        return trail.check(name::STRUCTURE, outcome, |_: &Unverified<'_>| "");
    }
    if text.contains(':') {
        read_ticket(text, trail)
    } else {
        read_jws(text, trail)
    }
}

// === impl Unverified ===

impl Unverified<'_> {
    /// The dialect, by the credential's shape.
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// The id, or alias, of the application that it says it is for, to find
    /// that application and its keys. `None` in the kustomer dialect, and where
    /// the claim is no text. An `aud` of several texts gives the first; see
    /// [`Self::application_hints`].
    pub fn application_hint(&self) -> Option<&str> {
        self.application_hints.first().map(String::as_str)
    }

    /// All the applications that it says it is for: more than one only where a
    /// native credential's `aud` is an array.
    pub fn application_hints(&self) -> &[String] {
        &self.application_hints
    }

    /// The user whom a Sinch ticket says it is for, to find the user's own key where
    /// no key of the application has signed it. `None` in every other form, and
    /// where it is no name.
    pub fn ticket_user_hint(&self) -> Option<UserName> {
        let Form::Ticket(ticket) = &self.form else {
            return None;
        };
        let fields = json::read_object(ticket.json.as_bytes()).ok()?;
        match dialect::sinch::ticket::subject(&fields).ok()? {
            Subject::Name(name) => Some(name),
            Subject::ExternalId(_) | Subject::Email { .. } => None,
        }
    }

    /// Refuses the credential unless it is of this dialect, for a door that
    /// takes one dialect only.
    ///
    /// # Errors
    /// `bad_claim`, or `malformed_token` where even the form is another's.
    pub fn require(&self, dialect: Dialect) -> Result<(), Refusal> {
        if self.dialect == dialect {
            return Ok(());
        }
        let code = match self.form {
            Form::Jws(_) => Code::BadClaim,
            Form::Ticket(_) => Code::MalformedToken,
        };
        let detail = format!(
            "by its shape this is a {} credential ({}), and only {dialect} ones are taken here",
            self.dialect,
            self.dialect.shape()
        );
        Err(Refusal::new(code, detail)
            .hint(format!("a {dialect} credential has {}", dialect.shape())))
    }
}

impl fmt::Debug for Unverified<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Unverified")
            .field("dialect", &self.dialect)
            .finish_non_exhaustive()
    }
}

fn read_jws<'a>(text: &'a str, trail: &mut Trail) -> Result<Option<Unverified<'a>>, Refusal> {
    let split = compact::split(text).map_err(|error| {
        let refusal = Refusal::new(Code::MalformedToken, format!("not a compact JWS: {error}"));
        match likely_mistake(text) {
            Some(hint) => refusal.hint(hint),
            None => refusal,
        }
    });
    let seen = |_: &_| format!("a compact JWS of {} bytes", text.len());
    let Some(compact) = trail.check(name::STRUCTURE, split, seen)? else {
        return Ok(None);
    };
    let header = header::read_header(&compact.header).map_err(header_refusal);
    let header = trail.check(name::HEADER, header, |header| match &header.kid {
        Some(kid) => format!("{}, kid {}", quoted(&header.algorithm_name), quoted(kid)),
        None => format!("{}, no kid", quoted(&header.algorithm_name)),
    })?;
    let payload = json::read_object(&compact.payload).map_err(|error| {
        Refusal::new(
            Code::MalformedToken,
            format!("the payload is not a strict JSON object: {error}"),
        )
    });
    let seen = |payload: &json::Object<'_>| {
        let names: Vec<String> = payload.iter().map(|(name, _)| quoted(name)).collect();
        format!("claims {}", names.join(", "))
    };
    let Some(payload) = trail.check(name::PAYLOAD, payload, seen)? else {
        return Ok(None);
    };
    let dialect = dialect::recognise(&payload);
    let application_hints = dialect.application_hints(&payload);
    Ok(Some(Unverified {
        dialect,
        application_hints,
        form: Form::Jws(Jws {
            header,
            signing_input: compact.signing_input,
            payload: compact.payload,
            signature: compact.signature,
        }),
    }))
}

fn read_ticket<'a>(text: &'a str, trail: &mut Trail) -> Result<Option<Unverified<'a>>, Refusal> {
    let malformed = |detail: String| Refusal::new(Code::MalformedToken, detail);
    let outcome = decode_ticket(text).map_err(|detail| {
        malformed(detail.to_owned()).hint(
            "a ticket is base64(json):base64(mac); a JWT has no ':', and its form is header.payload.signature",
        )
    });
    let seen = |_: &Ticket| format!("a Sinch ticket of {} bytes", text.len());
    let Some(ticket) = trail.check(name::STRUCTURE, outcome, seen)? else {
        return Ok(None);
    };
    let fields = json::read_object(ticket.json.as_bytes())
        .map_err(|error| malformed(format!("the ticket is not a strict JSON object: {error}")));
    let seen = |fields: &json::Object<'_>| {
        let names: Vec<String> = fields.iter().map(|(name, _)| quoted(name)).collect();
        format!("fields {}", names.join(", "))
    };
    let Some(fields) = trail.check(name::PAYLOAD, fields, seen)? else {
        return Ok(None);
    };
    let application_hints = fields
        .get("applicationKey")
        .and_then(json::Value::as_str)
        .map(str::to_owned)
        .into_iter()
        .collect();
    Ok(Some(Unverified {
        dialect: Dialect::Sinch,
        application_hints,
        form: Form::Ticket(ticket),
    }))
}

fn decode_ticket(text: &str) -> Result<Ticket, &'static str> {
    let (json, mac) = text
        .split_once(':')
        .filter(|(_, mac)| !mac.contains(':'))
        .ok_or("not a ticket: more than one ':'")?;
    let json = STANDARD
        .decode(json)
        .map_err(|_| "the part before the ':' is not canonical base64 with padding")?;
    let mac = STANDARD
        .decode(mac)
        .map_err(|_| "the part after the ':' is not canonical base64 with padding")?;
    // The generator in npm writes Latin-1 into the base64, but makes the MAC
    // over UTF-8: what is not UTF-8 is therefore read as Latin-1.
    let json = String::from_utf8(json)
        .unwrap_or_else(|error| error.as_bytes().iter().copied().map(char::from).collect());
    Ok(Ticket { json, mac })
}

fn header_refusal(error: HeaderError) -> Refusal {
    let refusal = |code| Refusal::new(code, error.to_string());
    match error {
        HeaderError::Json(_) => refusal(Code::MalformedToken),
        HeaderError::NoAlgorithm => {
            refusal(Code::UnsupportedHeader).hint("write `alg` into the header")
        }
        HeaderError::Unsupported(_) => refusal(Code::UnsupportedHeader)
            .hint("leave that member out: keys are registered, and never taken from a credential"),
        HeaderError::NotAString(_) => refusal(Code::UnsupportedHeader),
        HeaderError::Type => refusal(Code::UnsupportedHeader).hint(
            "write `\"typ\":\"JWT\"`, or leave `typ` out: a token of another purpose is no login",
        ),
    }
}

/// What most often went wrong with a text that is no compact JWS.
fn likely_mistake(text: &str) -> Option<&'static str> {
    let begins_with = |prefix: &str| {
        text.get(..prefix.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(prefix))
    };
    if text.is_empty() {
        Some("the credential is empty: was the variable that holds it set?")
    } else if begins_with("bearer ") || begins_with("jwt ") {
        Some("leave out the word before the token")
    } else if text.trim().len() != text.len() {
        Some("there is white space around the token, a line end perhaps: leave it out")
    } else if text.starts_with('{') {
        Some("send the compact form, header.payload.signature, and not JSON")
    } else if text.split('.').count() == 5 {
        Some("encrypted tokens are not taken: sign it instead")
    } else if text.contains(['+', '/', '=']) {
        Some("use base64url without padding (RFC 7515 section 2), not base64")
    } else {
        None
    }
}
