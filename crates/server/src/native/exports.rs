//! Exports of users: a record for each thing that is kept.

use std::sync::Arc;

use axum::extract::State;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_core::context::Ctx;
use countersign_core::error::Error;
use countersign_core::model::attachment::Attachment;
use countersign_core::model::export::{Place, Profile, Record, Written};
use countersign_core::model::revocation::{Kind, Revocation};
use countersign_core::model::session::Session;
use countersign_core::op;
use countersign_wire::export as wire;
use http::StatusCode;
use serde_json::value::RawValue;

use super::answer::{Answer, cursor, time};
use super::bearer::Asker;
use super::named::Named;
use super::problem::Problem;
use super::query::Query;
use super::{audit, members};

/// `GET /v1/users/{id}/export`
pub(super) async fn read(
    State(ctx): State<Arc<Ctx>>,
    Asker(asker): Asker,
    named: Named,
    query: Query,
) -> Result<Answer<wire::Export>, Problem> {
    query.only(&["limit", "cursor"])?;
    let id = named.id("user_id", "user")?;
    let page = op::exports::export_user(&ctx, &asker, id, query.window()?).await?;
    let records = page.items.into_iter().map(record);
    let export = wire::Export {
        records: records.collect::<Result<_, Error>>()?,
        next: cursor(page.next),
    };
    Ok(Answer(StatusCode::OK, export))
}

fn record(record: Record) -> Result<wire::Record, Error> {
    Ok(match record {
        Record::Profile(profile) => wire::Record::User(Box::new(shown(*profile)?)),
        Record::Session(session) => wire::Record::Session(Box::new(opened(&session)?)),
        Record::Place(place) => wire::Record::Membership(Box::new(membership(*place))),
        Record::Event(event) => wire::Record::Event(Box::new(written(*event)?)),
        Record::File(file) => wire::Record::Attachment(Box::new(stored(file.0, &file.1))),
        Record::Revocation(revocation) => wire::Record::Revocation(shut_out(&revocation)),
        Record::Audit(entry) => wire::Record::Audit(Box::new(audit::entry(*entry))),
    })
}

fn shown(Profile { user, has_password }: Profile) -> Result<wire::Profile, Error> {
    Ok(wire::Profile {
        id: user.id.to_string(),
        name: user.name.map(|name| name.as_str().to_owned()),
        external_id: user.external_id.map(|id| id.as_str().to_owned()),
        email: user.email.map(|email| email.as_str().to_owned()),
        display_name: user.display_name,
        image_url: user.image_url,
        custom_data: user.custom_data.map(json).transpose()?,
        described: user.described.map(json).transpose()?,
        anonymous: user.anonymous,
        blocked: user.blocked,
        has_password,
        created_at: time(user.created_at),
    })
}

fn opened(session: &Session) -> Result<wire::ExportedSession, Error> {
    let credential = session.credential.as_ref();
    let acl = credential.and_then(|credential| credential.acl.as_ref());
    Ok(wire::ExportedSession {
        id: session.id.to_string(),
        user_id: session.user.to_string(),
        device_id: session.device.to_string(),
        device_name: session.device_name.clone(),
        dialect: credential.map(|credential| credential.dialect.as_str().to_owned()),
        kid: credential.map(|credential| credential.kid.as_str().to_owned()),
        acl: acl.map(|acl| json(acl.to_json_text())).transpose()?,
        created_at: time(session.opened_at()),
        last_seen_at: time(session.rotated_at),
        expires_at: time(session.expires_at),
        ended_at: session.ended.map(|ended| time(ended.at)),
    })
}

fn membership(place: Place) -> wire::Membership {
    wire::Membership {
        id: place.member.to_string(),
        user_id: place.user.to_string(),
        conversation_id: place.conversation.to_string(),
        conversation_name: place.name,
        conversation_display_name: place.display_name,
        state: members::shown_state(place.state),
        delivered: place.delivered,
        seen: place.seen,
        invited_at: place.invited_at.map(time),
        joined_at: place.joined_at.map(time),
        left_at: place.left_at.map(time),
    }
}

fn written(event: Written) -> Result<wire::ExportedEvent, Error> {
    Ok(wire::ExportedEvent {
        conversation_id: event.conversation.to_string(),
        member_id: event.member.to_string(),
        id: event.id,
        event_type: event.kind.name().into_owned(),
        body: json(event.body)?,
        assurance: event.assurance.as_str().to_owned(),
        client_id: event.client_id,
        timestamp: time(event.timestamp),
        edited_at: event.edited_at.map(time),
        deleted_at: event.deleted_at.map(time),
    })
}

fn stored(file: Attachment, content: &[u8]) -> wire::ExportedAttachment {
    wire::ExportedAttachment {
        id: file.id.to_string(),
        conversation_id: file.conversation.map(|id| id.to_string()),
        name: file.file_name,
        media_type: file.media_type,
        bytes: file.bytes,
        content_base64: STANDARD.encode(content),
        created_at: time(file.created_at),
    }
}

/// Of what it names nothing is kept but a digest, or an id that is known.
fn shut_out(revocation: &Revocation) -> wire::ExportedRevocation {
    let kind = match revocation.target.kind() {
        Kind::Session => "session",
        Kind::Jti => "jti",
        Kind::Digest => "digest",
        Kind::Kid => "kid",
        Kind::ApiKey => "api_key",
        Kind::User => "user",
        Kind::Name => "name",
        Kind::ExternalId => "external_id",
        Kind::Email => "email",
        Kind::Application => "application",
    };
    wire::ExportedRevocation {
        kind: kind.to_owned(),
        before: time(revocation.before),
        made_at: time(revocation.made_at),
        forget_at: time(revocation.forget_at),
    }
}

/// What was checked to be JSON when it was stored.
fn json(text: String) -> Result<Box<RawValue>, Error> {
    RawValue::from_string(text).map_err(Error::internal)
}
