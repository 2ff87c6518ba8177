//! Which organization a call is for, by its address: `https://ORG.api.DOMAIN/…`,
//! or, where there is no such host, `http://HOST/ORG/…`.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use countersign_core::context::{Ctx, Judge};
use countersign_core::error::Error;
use countersign_core::id::ApplicationId;
use countersign_core::model::application::{ApplicationName, Slug};
use http::request::Parts;
use http::uri::{Authority, PathAndQuery};
use http::{HeaderMap, Uri, header};

use super::failure::Refused;

/// The organization that a call is for.
pub(super) struct Organization(pub(super) Arc<Judge>);

/// What an address says of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Named {
    host: Option<InHost>,
    path: Option<Slug>,
}

/// What a host says of it.
#[derive(Debug, Clone, PartialEq, Eq)]
enum InHost {
    /// `ORG.api.DOMAIN` names one.
    Named(Slug),
    /// The first label of any other name is one, if there is such an organization.
    Perhaps(Slug),
}

impl Named {
    /// What stands before each path of the organization's, as it was reached.
    pub(super) fn prefix(&self) -> String {
        let slug = self.path.as_ref();
        slug.map_or_else(String::new, |slug| format!("/{slug}"))
    }

    /// What an address says, and the address without it. The path is canonical.
    pub(super) fn of(uri: Uri, headers: &HeaderMap) -> Result<(Self, Uri), Error> {
        let host = host(&uri, headers).and_then(|host| in_host(&host));
        let (path, uri) = cut(uri)?;
        Ok((Self { host, path }, uri))
    }

    /// Whether an address names this application, or none.
    pub(super) async fn agrees(self, ctx: &Ctx, with: ApplicationId) -> Result<bool, Error> {
        let (in_host, in_path) = self.named(ctx).await?;
        let mut all = in_host.iter().chain(&in_path);
        Ok(all.all(|judge| judge.application.id == with))
    }

    pub(super) async fn resolved(self, ctx: &Ctx) -> Result<Arc<Judge>, Error> {
        match self.named(ctx).await? {
            (Some(one), Some(other)) if one.application.id != other.application.id => {
                Err(unknown())
            }
            (Some(judge), _) | (None, Some(judge)) => Ok(judge),
            (None, None) => Err(unknown()),
        }
    }

    async fn named(self, ctx: &Ctx) -> Result<(Option<Arc<Judge>>, Option<Arc<Judge>>), Error> {
        let in_host = match self.host {
            None => None,
            Some(InHost::Named(slug)) => Some(known(ctx, slug).await?.ok_or_else(unknown)?),
            Some(InHost::Perhaps(slug)) => known(ctx, slug).await?,
        };
        let in_path = match self.path {
            None => None,
            Some(slug) => Some(known(ctx, slug).await?.ok_or_else(unknown)?),
        };
        Ok((in_host, in_path))
    }
}

async fn known(ctx: &Ctx, slug: Slug) -> Result<Option<Arc<Judge>>, Error> {
    ctx.judge(ApplicationName::Slug(slug)).await
}

fn unknown() -> Error {
    Error::not_found("organization").hint(
        "call https://ORG.api.DOMAIN/…, or put /ORG before the path; ORG is the application's slug",
    )
}

fn host(uri: &Uri, headers: &HeaderMap) -> Option<String> {
    let of_header = || {
        let value = headers.get(header::HOST)?.to_str().ok()?;
        value.parse::<Authority>().ok()
    };
    let authority = uri.authority().cloned().or_else(of_header)?;
    Some(authority.host().to_ascii_lowercase())
}

/// A name of one label, such as `localhost`, has no room for an organization.
fn in_host(host: &str) -> Option<InHost> {
    if host.starts_with('[') || host.parse::<IpAddr>().is_ok() {
        return None;
    }
    let (first, rest) = host.split_once('.')?;
    let slug: Slug = first.parse().ok()?;
    Some(if rest.split('.').next() == Some("api") {
        InHost::Named(slug)
    } else {
        InHost::Perhaps(slug)
    })
}

/// The first segment, where it is no word of the protocol, and what follows it.
fn cut(uri: Uri) -> Result<(Option<Slug>, Uri), Error> {
    let after_slash = uri.path().strip_prefix('/').unwrap_or_default();
    let (first, rest) = after_slash.split_once('/').unwrap_or((after_slash, ""));
    let Ok(slug) = first.parse::<Slug>() else {
        return Ok((None, uri));
    };
    let written = match uri.query() {
        Some(query) => format!("/{rest}?{query}"),
        None => format!("/{rest}"),
    };
    let mut parts = uri.into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(written).map_err(Error::internal)?);
    let uri = Uri::from_parts(parts).map_err(Error::internal)?;
    Ok((Some(slug), uri))
}

// === impl Organization ===

impl FromRequestParts<Arc<Ctx>> for Organization {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, ctx: &Arc<Ctx>) -> Result<Self, Refused> {
        let named = parts.extensions.get::<Named>().cloned();
        Ok(Self(named.unwrap_or_default().resolved(ctx).await?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slug(text: &str) -> Slug {
        text.parse().unwrap()
    }

    #[test]
    fn an_address_names_an_organization_by_its_host_or_its_path() {
        let named = |text| Some(InHost::Named(slug(text)));
        let perhaps = |text| Some(InHost::Perhaps(slug(text)));
        for (host, uri, in_host, in_path, rest) in [
            ("", "/v1/x", None, None, "/v1/x"),
            ("", "/demo/v1/x?a=/b", None, Some("demo"), "/v1/x?a=/b"),
            ("", "/demo", None, Some("demo"), "/"),
            ("", "/demo/", None, Some("demo"), "/"),
            ("", "/", None, None, "/"),
            ("", "/c/v1/x", None, None, "/c/v1/x"),
            ("", "/p/v1/x", None, None, "/p/v1/x"),
            ("", "/v2.1/x", None, None, "/v2.1/x"),
            ("127.0.0.1:7082", "/v1/x", None, None, "/v1/x"),
            ("[::1]:7082", "/v1/x", None, None, "/v1/x"),
            ("localhost:7082", "/v1/x", None, None, "/v1/x"),
            (
                "demo.api.example.com",
                "/v1/x",
                named("demo"),
                None,
                "/v1/x",
            ),
            (
                "DEMO.API.example.com:443",
                "/v1/x",
                named("demo"),
                None,
                "/v1/x",
            ),
            (
                "demo.api.localhost",
                "/shop/v1/x",
                named("demo"),
                Some("shop"),
                "/v1/x",
            ),
            (
                "chat.example.com",
                "/demo/v1/x",
                perhaps("chat"),
                Some("demo"),
                "/v1/x",
            ),
            ("api.example.com", "/demo/v1/x", None, Some("demo"), "/v1/x"),
            ("a b", "/v1/x", None, None, "/v1/x"),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, host.parse().unwrap());
            let (found, left) = Named::of(uri.parse().unwrap(), &headers).unwrap();
            let expected = Named {
                host: in_host,
                path: in_path.map(slug),
            };
            assert_eq!(found, expected, "{host} {uri}");
            assert_eq!(left.to_string(), rest, "{host} {uri}");
        }
    }
}
