//! Web pages of other origins: which may read an answer (the CORS protocol of
//! the Fetch standard).
//!
//! Written by hand, since no layer knows what matters here: whether a page may
//! call is the application's matter, and which application is meant is known
//! late, when the bearer or the credential was read. So this part tells the
//! browser what may be read, and gives the page along to who knows the
//! application; there a call is refused before anything is done.
//!
//! No answer ever allows credentials: the API reads no cookie.

use countersign_core::context::Ctx;
use countersign_core::model::origin::{ForeignPage, Origin};
use countersign_core::op::origins::is_allowed_anywhere;
use http::{HeaderMap, HeaderValue, Method, header};

use crate::connection::Connection;
use crate::operations::Operations;

/// What a page may send beside what it may send anyway.
const HEADERS: &str = "Authorization, Content-Type";
/// The methods of the routes that a page cannot call without asking.
const METHODS: &str = "GET, POST, PATCH, DELETE";
/// What a page may read beside what it may read anyway.
const EXPOSED: &str = "Content-Disposition, RateLimit-Limit, RateLimit-Remaining, \
                       RateLimit-Reset, Retry-After, X-Request-Id";
/// How long a browser need not ask again, in seconds. Whether a call is done is
/// decided at the call.
const MAX_AGE_S: u64 = 600;

/// What a request tells of the page that sends it, and what its answer may
/// tell the page.
#[derive(Debug)]
pub(super) struct Cors {
    page: Option<ForeignPage>,
    /// The origin as the browser has sent it, where it may read the answer.
    granted: Option<HeaderValue>,
    preflight: bool,
}

// === impl Cors ===

impl Cors {
    /// Reads the head of a request. It costs no hop to the store that
    /// strangers could ask for again and again.
    pub(super) async fn of(
        ctx: &Ctx,
        operations: &Operations,
        method: &Method,
        headers: &HeaderMap,
        connection: Connection,
    ) -> Self {
        let mut cors = Self {
            page: None,
            granted: None,
            preflight: is_preflight(method, headers),
        };
        let mut sent = headers.get_all(header::ORIGIN).iter();
        let Some(value) = sent.next() else {
            return cors;
        };
        let text = value.to_str().unwrap_or_default();
        let (Some(origin), None) = (Origin::parse(text), sent.next()) else {
            cors.page = Some(ForeignPage::Nameless);
            return cors;
        };
        if is_own(&origin, headers, connection) {
            return cors;
        }
        if operations.loopback_origins && origin.is_loopback() {
            cors.granted = Some(value.clone());
            return cors;
        }
        if is_allowed_anywhere(ctx, &origin).await {
            cors.granted = Some(value.clone());
        }
        cors.page = Some(ForeignPage::Of(origin));
        cors
    }

    /// The page that asks, where the application has to allow it.
    pub(super) fn page(&self) -> Option<&ForeignPage> {
        self.page.as_ref()
    }

    /// Whether this is a browser's question, and no call. It carries no bearer,
    /// and is answered by the origin alone.
    pub(super) fn is_preflight(&self) -> bool {
        self.preflight
    }

    /// Tells the browser. A page that may not read the answer is told nothing,
    /// which is how browsers are told no.
    pub(super) fn tell(self, headers: &mut HeaderMap) {
        headers.insert(header::VARY, HeaderValue::from_static("Origin"));
        let Some(origin) = self.granted else {
            return;
        };
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        if self.preflight {
            for (name, value) in [
                (header::ACCESS_CONTROL_ALLOW_METHODS, METHODS),
                (header::ACCESS_CONTROL_ALLOW_HEADERS, HEADERS),
            ] {
                headers.insert(name, HeaderValue::from_static(value));
            }
            headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from(MAX_AGE_S));
        } else {
            let exposed = HeaderValue::from_static(EXPOSED);
            headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
        }
    }
}

fn is_preflight(method: &Method, headers: &HeaderMap) -> bool {
    *method == Method::OPTIONS
        && headers.contains_key(header::ORIGIN)
        && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

/// Whether the page comes from where the request went. Where it came here
/// without TLS, it may have had it up to a proxy, which the page then knows.
fn is_own(origin: &Origin, headers: &HeaderMap, connection: Connection) -> bool {
    let host = headers.get(header::HOST).and_then(|it| it.to_str().ok());
    let Some(host) = host else {
        return false;
    };
    let schemes: &[&str] = if connection.tls {
        &["https"]
    } else {
        &["http", "https"]
    };
    schemes
        .iter()
        .any(|scheme| Origin::parse(&format!("{scheme}://{host}")).as_ref() == Some(origin))
}
