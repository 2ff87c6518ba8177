//! What the native API looks like, as an OpenAPI document: for people who read
//! it, for tools that write clients, and for the tests that hold every answer
//! to it.
//!
//! [`description`] is the language in which a call is described, and
//! [`refusal`] what each kind of call can be refused with; one file describes
//! the calls of each resource. A route cannot be without its description: the
//! page of routes has both side by side.

mod description;
mod bearer;
mod tag;
mod parameter;
mod refusal;
pub(super) mod health;
pub(super) mod metrics;
pub(super) mod document;
pub(super) mod docs;
pub(super) mod errors;
pub(super) mod sessions;
pub(super) mod devices;
pub(super) mod users;
pub(super) mod exports;
pub(super) mod erasures;
pub(super) mod conversations;
pub(super) mod members;
pub(super) mod events;
pub(super) mod connect;
pub(super) mod sync;
pub(super) mod attachments;
pub(super) mod revocations;
pub(super) mod tokens;
pub(super) mod applications;
pub(super) mod signing_keys;
pub(super) mod api_keys;
pub(super) mod settings;
pub(super) mod audit;

use countersign_wire::problem::Problem;
use utoipa::openapi::{Components, Info, InfoBuilder, LicenseBuilder, OpenApi, Paths, Server};
use utoipa::{PartialSchema as _, ToSchema as _};

use super::routes;
use bearer::Bearer;
pub(super) use description::Description;
use tag::Tag;

/// What holds for every call, in the words of the document's front page.
const ABOUT: &str = "\
User authentication for in-app conversations, and the conversations behind it.

- A user's backend signs a credential; `POST /v1/sessions` exchanges it for a session. Its access \
token is the bearer of every further call, and `POST /v1/sessions/refresh` renews it.
- Bodies are JSON. A member that is not known is refused with 400. `PATCH` is a merge patch \
(RFC 7396). An empty body counts as an object without members.
- Times are RFC 3339 in UTC with milliseconds. Absent values are null, but for members that are \
described as optional, which are left out.
- A list has at most `limit` entries, and `next` where there are more: send it back as `cursor`.
- Refusals are problem details (RFC 9457). `code` is stable: more codes may come, and none changes \
its meaning.
- Every answer has `X-Request-Id`. Where calls are counted, `RateLimit-Limit`, \
`RateLimit-Remaining` and `RateLimit-Reset` tell what is left, and a 429 or 503 has `Retry-After`.
- Web pages may call from the origins in an application's setting `allowed_origins`; no cookie is \
read or set.";

/// The document as it is served, and committed.
pub(super) fn text() -> String {
    let mut text = document()
        .to_pretty_json()
        .expect("texts, numbers and lists are JSON");
    text.push('\n');
    text
}

fn document() -> OpenApi {
    let mut paths = Paths::new();
    let mut components = Components::new();
    for bearer in Bearer::ALL {
        components.add_security_scheme(bearer.name(), bearer.scheme());
    }
    let mut schemas = Vec::new();
    Problem::schemas(&mut schemas);
    components
        .schemas
        .insert(Problem::name().into_owned(), Problem::schema());
    components.schemas.extend(schemas);
    for route in routes::all() {
        let described = (route.description)().of(&route.call);
        components.schemas.extend(described.schemas);
        components.responses.extend(described.responses);
        paths.add_path_operation(
            route.call.template,
            vec![described.method],
            described.operation,
        );
    }
    let mut document = OpenApi::new(info(), paths);
    document.components = Some(components);
    document.servers = Some(vec![Server::new("/")]);
    document.tags = Some(Tag::ALL.into_iter().map(Tag::described).collect());
    document
}

fn info() -> Info {
    let license = LicenseBuilder::new()
        .name("Apache-2.0")
        .identifier(Some("Apache-2.0"));
    InfoBuilder::new()
        .title("Countersign, the native API")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(ABOUT))
        .license(Some(license.build()))
        .build()
}
