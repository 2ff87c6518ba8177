//! A door's routes: which of them a request has found.
//!
//! Paths are matched by what axum's router stands on, and handlers are axum's.
//! What that router has between the two, services that are cloned and boxed for
//! each request, took a fifth of a cheap answer's time.

use std::convert::Infallible;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use axum::extract::{FromRequestParts, Request};
use axum::response::Response;
use countersign_core::context::Ctx;
use http::request::Parts;
use http::{HeaderValue, Method};

use crate::call::Call;
use crate::passed::Passed;
use crate::path;

/// What answers every request of a door.
#[derive(Clone)]
pub struct Service(Arc<dyn Fn(Request) -> Answering + Send + Sync>);

/// A handler of axum's with its own type forgotten.
pub(crate) type Handler = Box<dyn Fn(Request, Arc<Ctx>) -> Answering + Send + Sync>;

/// An answer in the making.
pub type Answering = Pin<Box<dyn Future<Output = Response> + Send>>;

/// Routes, each with something that belongs to it.
#[derive(Debug)]
pub struct Routes<T> {
    paths: matchit::Router<Resource<T>>,
}

/// What there is for a method on a path.
#[derive(Debug)]
pub enum Found<'a, T> {
    /// A route.
    Route {
        /// Its path, with its parameters in braces.
        template: &'static str,
        /// What belongs to it.
        value: &'a T,
        /// What stands for the parameters.
        parameters: Parameters,
    },
    /// The path, with other methods.
    OtherMethods {
        /// The path, with its parameters in braces.
        template: &'static str,
        /// The methods, as the `Allow` header names them (RFC 9110 section 10.2.1).
        allow: HeaderValue,
    },
    /// No such path.
    Nothing,
}

/// What stands in a path for its template's parameters, decoded, in their order. The extractor
/// takes it from what the front has passed on: once for each request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parameters(Vec<(&'static str, String)>);

/// A path with all its methods.
#[derive(Debug)]
struct Resource<T> {
    template: &'static str,
    parameters: Vec<&'static str>,
    methods: Vec<(Method, T)>,
}

/// The handler, ready to be called.
pub(crate) fn handler<H, T>(handler: H) -> Handler
where
    H: axum::handler::Handler<T, Arc<Ctx>, Future = Answering>,
    T: 'static,
{
    Box::new(move |request, ctx| handler.clone().call(request, ctx))
}

// === impl Service ===

impl Service {
    /// What answers by calling this.
    pub fn new(answer: impl Fn(Request) -> Answering + Send + Sync + 'static) -> Self {
        Self(Arc::new(answer))
    }

    /// Answers a request.
    pub fn answer(&self, request: Request) -> Answering {
        (self.0)(request)
    }
}

impl fmt::Debug for Service {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Service")
    }
}

// === impl Routes ===

impl<T> Routes<T> {
    /// # Panics
    /// If a call is there twice, or a template is none: the pages of routes are
    /// part of the program.
    pub fn new(calls: impl IntoIterator<Item = (Call, T)>) -> Self {
        let mut resources: Vec<Resource<T>> = Vec::new();
        for (Call { method, template }, value) in calls {
            let known = resources.iter_mut().find(|it| it.template == template);
            let resource = match known {
                Some(resource) => resource,
                None => resources.push_mut(Resource::at(template)),
            };
            let taken = resource.methods.iter().any(|(other, _)| *other == method);
            assert!(!taken, "{method} {template} is there once");
            resource.methods.push((method, value));
        }
        let mut paths = matchit::Router::new();
        for resource in resources {
            let template = resource.template;
            paths
                .insert(template, resource)
                .expect("templates are well formed, and differ");
        }
        Self { paths }
    }

    /// What a request has found, by its canonical path.
    #[must_use]
    pub fn find(&self, method: &Method, path: &str) -> Found<'_, T> {
        let Ok(matched) = self.paths.at(path) else {
            return Found::Nothing;
        };
        let resource = matched.value;
        let template = resource.template;
        let Some(value) = resource.answers(method) else {
            let allow = resource.allow();
            return Found::OtherMethods { template, allow };
        };
        let values = matched.params.iter().map(|(_, value)| path::decoded(value));
        let names = resource.parameters.iter().copied();
        let named = names.zip(values);
        let read = named.map(|(name, value)| value.map(|value| (name, value)));
        match read.collect() {
            Ok(parameters) => Found::Route {
                template,
                value,
                parameters: Parameters(parameters),
            },
            // No canonical path has a segment that cannot be decoded.
            Err(_) => Found::Nothing,
        }
    }
}

// === impl Parameters ===

impl Parameters {
    /// What stands for this parameter.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(candidate, _)| *candidate == name);
        found.map(|(_, text)| text.as_str())
    }

    /// What stands for all parameters, in their order.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(_, text)| text.as_str())
    }
}

impl<S: Sync> FromRequestParts<S> for Parameters {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Passed::take_parameters(&mut parts.extensions))
    }
}

// === impl Resource ===

impl<T> Resource<T> {
    fn at(template: &'static str) -> Self {
        let segments = template.split('/');
        let parameters = segments
            .filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'))
            .collect();
        Self {
            template,
            parameters,
            methods: Vec::new(),
        }
    }

    /// A HEAD is answered as a GET; the connection leaves the body out.
    fn answers(&self, method: &Method) -> Option<&T> {
        let by = |wanted: &Method| self.methods.iter().find(|(known, _)| known == wanted);
        let found = by(method).or_else(|| (*method == Method::HEAD).then(|| by(&Method::GET))?);
        found.map(|(_, value)| value)
    }

    fn allow(&self) -> HeaderValue {
        let mut names: Vec<&str> = self.methods.iter().map(|(it, _)| it.as_str()).collect();
        if names.contains(&"GET") {
            names.push("HEAD");
        }
        HeaderValue::try_from(names.join(",")).expect("methods are visible characters")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn routes() -> Routes<u8> {
        let call = |method: Method, template| Call { method, template };
        Routes::new([
            (call(Method::GET, "/things"), 1),
            (call(Method::POST, "/things"), 2),
            (call(Method::GET, "/things/{thing_id}"), 3),
            (call(Method::DELETE, "/things/current"), 4),
            (call(Method::PUT, "/{version}/parts/{part_id}"), 5),
        ])
    }

    #[test]
    fn a_request_finds_its_route_with_what_stands_in_its_path() {
        for (method, path, expected) in [
            (Method::GET, "/things", "1 /things"),
            (Method::HEAD, "/things", "1 /things"),
            (Method::POST, "/things", "2 /things"),
            (Method::GET, "/things/a%20b", "3 /things/{thing_id} a b"),
            (Method::DELETE, "/things/current", "4 /things/current"),
            (Method::GET, "/things/current", "/things/current: DELETE"),
            (
                Method::PUT,
                "/v1/parts/7",
                "5 /{version}/parts/{part_id} v1 7",
            ),
            (Method::OPTIONS, "/things", "/things: GET,POST,HEAD"),
            (
                Method::HEAD,
                "/v1/parts/7",
                "/{version}/parts/{part_id}: PUT",
            ),
            (Method::GET, "/things/", "nothing"),
            (Method::GET, "/", "nothing"),
            (Method::GET, "/things/a/b", "nothing"),
        ] {
            let found = match routes().find(&method, path) {
                Found::Route {
                    template,
                    value,
                    parameters,
                } => {
                    let mut told = format!("{value} {template}");
                    for text in parameters.texts() {
                        told = format!("{told} {text}");
                    }
                    told
                }
                Found::OtherMethods { template, allow } => {
                    format!("{template}: {}", allow.to_str().unwrap())
                }
                Found::Nothing => "nothing".to_owned(),
            };
            assert_eq!(found, expected, "{method} {path}");
        }
    }
}
