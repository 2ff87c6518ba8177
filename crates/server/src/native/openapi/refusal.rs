//! What each kind of call can be refused with, and how a document says so.

use countersign_core::error::Code;
use countersign_wire::problem::{MEDIA_TYPE, Problem};
use http::{StatusCode, header};
use utoipa::ToSchema as _;
use utoipa::openapi::schema::{AllOfBuilder, ObjectBuilder, Type};
use utoipa::openapi::{Content, Header, Ref, Response, ResponseBuilder, Schema};

use crate::native::problem::{status_of, title_of};

/// The body is read before anything else is looked at, whoever sends one.
pub(super) const EVERY_CALL: &[Code] = &[Code::BadRequest, Code::TooLarge, Code::Internal];

/// A bearer may be none, or one that holds no more, or without the right; an
/// operator's may name an application that there is not.
pub(super) const WITH_BEARER: &[Code] = &[
    Code::ApplicationRequired,
    Code::NoCredential,
    Code::MalformedToken,
    Code::UnsupportedHeader,
    Code::UnsupportedAlgorithm,
    Code::UnknownKey,
    Code::BadSignature,
    Code::Expired,
    Code::NotYetValid,
    Code::TooOld,
    Code::WrongAudience,
    Code::BadClaim,
    Code::BadAcl,
    Code::CredentialRevoked,
    Code::SessionEnded,
    Code::AccessExpired,
    Code::NotPermitted,
    Code::AclDenied,
    Code::TlsRequired,
    Code::NotFound,
    Code::RateLimited,
    Code::Unavailable,
];

/// A body of JSON may be none, or of another type.
pub(super) const WITH_JSON: &[Code] = &[Code::MalformedJson, Code::UnsupportedMediaType];

/// A place in the path may hold nothing, or be written in two ways.
pub(super) const WITH_PLACE: &[Code] = &[Code::BadPath, Code::NotFound];

/// One status that a call can be refused with.
pub(super) struct Refused {
    pub(super) status: StatusCode,
    pub(super) response: Response,
    /// The name that it has for all calls, where it is the same for many.
    pub(super) shared_as: Option<String>,
}

/// The answers for these codes, one for each status.
pub(super) fn responses(codes: &[Code]) -> Vec<Refused> {
    // In the order of `Code::ALL`, where each status's codes stand together.
    let mut by_status: Vec<(StatusCode, Vec<Code>)> = Vec::new();
    for code in Code::ALL.iter().filter(|code| codes.contains(code)) {
        let status = status_of(*code);
        match by_status.iter_mut().find(|(known, _)| *known == status) {
            Some((_, codes)) => codes.push(*code),
            None => by_status.push((status, vec![*code])),
        }
    }
    by_status
        .into_iter()
        .map(|(status, codes)| Refused {
            status,
            response: response(status, &codes),
            shared_as: shared_name(status, &codes),
        })
        .collect()
}

fn response(status: StatusCode, codes: &[Code]) -> Response {
    let described: Vec<String> = codes
        .iter()
        .map(|code| format!("- `{}`: {}.", code.as_str(), title_of(*code)))
        .collect();
    let code = ObjectBuilder::new()
        .schema_type(Type::String)
        .enum_values(Some(codes.iter().map(|code| code.as_str())));
    let with_code = ObjectBuilder::new()
        .schema_type(Type::Object)
        .property("code", code);
    let schema = AllOfBuilder::new()
        .item(Ref::from_schema_name(Problem::name()))
        .item(with_code);
    let mut response = ResponseBuilder::new()
        .description(described.join("\n"))
        .content(
            MEDIA_TYPE,
            Content::new(Some(Schema::AllOf(schema.build()))),
        );
    if status == StatusCode::UNAUTHORIZED {
        response = response.header(
            header::WWW_AUTHENTICATE.as_str(),
            in_header(Type::String, "Bearer."),
        );
    }
    if status == StatusCode::TOO_MANY_REQUESTS {
        response = response.header(
            header::RETRY_AFTER.as_str(),
            in_header(Type::Integer, "Seconds until the next call is let through."),
        );
    }
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response = response.header(
            header::RETRY_AFTER.as_str(),
            in_header(Type::Integer, "Seconds until it is worth another try."),
        );
    }
    response.build()
}

fn in_header(kind: Type, about: &str) -> Header {
    let mut header = Header::new(ObjectBuilder::new().schema_type(kind).build());
    header.description = Some(about.to_owned());
    header
}

/// A code that stands alone gives its name, and so does what every call with a
/// bearer has in common.
fn shared_name(status: StatusCode, codes: &[Code]) -> Option<String> {
    if let [code] = codes {
        return Some(code.as_str().to_owned());
    }
    let of_every_bearer = WITH_BEARER
        .iter()
        .filter(|code| status_of(**code) == status)
        .eq(codes);
    if !of_every_bearer {
        return None;
    }
    match status {
        StatusCode::UNAUTHORIZED => Some("bearer_refused".to_owned()),
        StatusCode::FORBIDDEN => Some("not_allowed".to_owned()),
        _ => None,
    }
}
