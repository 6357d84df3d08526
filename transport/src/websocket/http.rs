//! What a listener says in HTTP: a WebSocket at `/`, and everything else as its host wants it.

use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::Body;
use axum::http::header::{CONNECTION, HeaderMap, HeaderName, HeaderValue, SEC_WEBSOCKET_PROTOCOL, UPGRADE};
use axum::http::{Request, StatusCode};
use axum::response::{IntoResponse, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper::upgrade::{OnUpgrade, Parts};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio_tungstenite::tungstenite::handshake::server::create_response_with_body;

use super::{SUBPROTOCOL, Socket};

/// Bytes a request's head may have; hyper takes no less.
const HEAD: usize = 8 * 1024;

/// What a relay that is full says.
pub(super) const FULL: &str = "This relay is full.\n";

/// Where the upgrade that a request has asked for is left.
type Upgrade = Arc<Mutex<Option<OnUpgrade>>>;

/// Answers one request. If it was answered with the upgrade to a WebSocket, gives the socket back, and what was read of
/// it too far. `admitted`: whether there is room for a WebSocket.
pub(super) async fn answer(socket: Socket, routes: Router, admitted: bool) -> Option<(Socket, Vec<u8>)> {
    let upgrade = Upgrade::default();
    let routes = TowerToHyperService::new(routes);
    let service = service_fn(|request: Request<Incoming>| {
        let (routes, upgrade) = (routes.clone(), Arc::clone(&upgrade));
        async move {
            if request.uri().path() == "/" && names(request.headers(), &UPGRADE, "websocket") {
                return Ok(open(request, admitted, &upgrade));
            }
            routes.call(request).await.map(last)
        }
    });
    let mut http = http1::Builder::new();
    http.max_buf_size(HEAD);
    http.serve_connection(TokioIo::new(socket), service).with_upgrades().await.ok()?;
    let upgrade = upgrade.lock().unwrap_or_else(PoisonError::into_inner).take()?;
    let Parts { io, read_buf, .. } = upgrade.await.ok()?.downcast::<TokioIo<Socket>>().ok()?;
    Some((io.into_inner(), read_buf.to_vec()))
}

/// The answer to a request for a WebSocket.
fn open(request: Request<Incoming>, admitted: bool, upgrade: &Upgrade) -> Response {
    let ours = [(UPGRADE, "websocket"), (SEC_WEBSOCKET_PROTOCOL, SUBPROTOCOL)];
    if !names(request.headers(), &SEC_WEBSOCKET_PROTOCOL, SUBPROTOCOL) {
        return last((StatusCode::UPGRADE_REQUIRED, ours, "This relay speaks another version.\n"));
    }
    if !admitted {
        return last((StatusCode::SERVICE_UNAVAILABLE, ours, FULL));
    }
    let Ok(mut response) = create_response_with_body(&request, Body::empty) else {
        return last((StatusCode::BAD_REQUEST, "This is not a request for a WebSocket.\n"));
    };
    response.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
    *upgrade.lock().unwrap_or_else(PoisonError::into_inner) = Some(hyper::upgrade::on(request));
    response
}

/// An answer after which the connection is closed: one that only waits for a next request would count against the caps.
fn last(answer: impl IntoResponse) -> Response {
    let mut answer = answer.into_response();
    answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    answer
}

/// Whether one of the values in a header, which may be a list, is `value` in any case.
fn names(headers: &HeaderMap, header: &HeaderName, value: &str) -> bool {
    let lists = headers.get_all(header).into_iter().filter_map(|list| list.to_str().ok());
    lists.flat_map(|list| list.split(',')).any(|one| one.trim().eq_ignore_ascii_case(value))
}
