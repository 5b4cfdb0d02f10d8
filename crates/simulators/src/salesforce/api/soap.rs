//! SOAP: signing in by name and password as older clients do, signing out, and the partner interface's calls that
//! write and query records, among them those that REST has no call for (merge, undelete, emptying the recycle bin and
//! lead conversion).

use axum::Router;
use axum::extract::{Request, State as Extract};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use roxmltree::{Document, Node};

use super::soap_records;
use super::transport::base_url;
use crate::salesforce::Salesforce;
use crate::salesforce::id::RecordId;

pub(super) fn routes(salesforce: &Salesforce) -> Router {
    Router::new()
        .route("/services/Soap/{kind}/{version}", post(answer))
        .route("/services/Soap/{kind}/{version}/{organization}", post(answer))
        .with_state(salesforce.clone())
}

/// The text of the first element of this name below a node, whatever its prefix.
pub(super) fn text(node: Node<'_, '_>, name: &str) -> Option<String> {
    let found = node
        .descendants()
        .find(|node| node.is_element() && node.tag_name().name() == name)?;
    Some(found.text().unwrap_or_default().trim().to_owned())
}

pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&apos;")
}

fn envelope(status: StatusCode, body: &str) -> Response {
    let xml = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><soapenv:Envelope \
         xmlns:soapenv=\"http://schemas.xmlsoap.org/soap/envelope/\" xmlns=\"urn:partner.soap.sforce.com\" \
         xmlns:sf=\"urn:fault.partner.soap.sforce.com\" \
         xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"><soapenv:Body>{body}</soapenv:Body></soapenv:Envelope>"
    );
    (status, [(header::CONTENT_TYPE, "text/xml;charset=UTF-8")], xml).into_response()
}

fn fault(code: &str, message: &str) -> Response {
    let message = escape(message);
    envelope(
        StatusCode::INTERNAL_SERVER_ERROR,
        &format!(
            "<soapenv:Fault><faultcode>sf:{code}</faultcode><faultstring>{code}: {message}</faultstring><detail>\
             <sf:LoginFault xsi:type=\"sf:LoginFault\"><sf:exceptionCode>{code}</sf:exceptionCode>\
             <sf:exceptionMessage>{message}</sf:exceptionMessage></sf:LoginFault></detail></soapenv:Fault>"
        ),
    )
}

async fn answer(Extract(salesforce): Extract<Salesforce>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let base = base_url(&salesforce, &parts.headers, &parts.uri);
    let path = parts.uri.path().to_owned();
    let Ok(body) = axum::body::to_bytes(body, 1 << 23).await else {
        return fault("UNKNOWN_EXCEPTION", "the envelope is too large");
    };
    let xml = String::from_utf8_lossy(&body).into_owned();
    let mut steps = path.trim_matches('/').split('/').skip(2);
    let (kind, version) = (steps.next().unwrap_or("u"), steps.next().unwrap_or_default());
    let oldest = super::discovery::check_version(&format!("v{version}"), salesforce.state().newest_version);
    if oldest.is_err() {
        return fault("UNSUPPORTED_API_VERSION", "Invalid Api version specified on URL");
    }
    let document = match Document::parse(&xml) {
        Ok(document) => document,
        Err(error) => return fault("INVALID_SOAP_HEADER", &format!("the envelope is no XML: {error}")),
    };
    let envelope_node = document.root_element();
    let call = envelope_node
        .children()
        .find(|node| node.is_element() && node.tag_name().name() == "Body")
        .and_then(|body| body.first_element_child());
    let Some(call) = call else {
        return fault("INVALID_OPERATION", "the envelope has no body");
    };
    let name = call.tag_name().name();
    if name == "login" {
        return login(&salesforce, call, &base, kind, version);
    }
    let session = text(envelope_node, "sessionId").unwrap_or_default();
    if !salesforce.oauth.accepts(&session) {
        return fault(
            "INVALID_SESSION_ID",
            "Invalid Session ID found in SessionHeader: Illegal Session. Session not found, missing session key",
        );
    }
    let result = match name {
        "logout" => {
            salesforce.oauth.expire(&session);
            Ok(String::new())
        }
        "getServerTimestamp" => Ok(format!(
            "<result><timestamp>{:.3}</timestamp></result>",
            salesforce.clock.now()
        )),
        "getUserInfo" => Ok(format!("<result>{}</result>", user_info(&salesforce))),
        name => soap_records::run(&salesforce, name, call, &format!("{base}/services/data/v{version}")),
    };
    match result {
        Ok(result) => envelope(StatusCode::OK, &format!("<{name}Response>{result}</{name}Response>")),
        Err((code, message)) => fault(&code, &message),
    }
}

fn user_info(salesforce: &Salesforce) -> String {
    let (organization, user) = (salesforce.organization_id(), salesforce.integration_user_id());
    let name = escape(&salesforce.oauth.settings().username);
    format!(
        "<accessibilityMode>false</accessibilityMode><currencySymbol>$</currencySymbol>\
         <organizationId>{organization}</organizationId><organizationMultiCurrency>false</organizationMultiCurrency>\
         <organizationName>Simulated</organizationName><profileId>00e000000000001AAA</profileId>\
         <sessionSecondsValid>7200</sessionSecondsValid><userDefaultCurrencyIsoCode xsi:nil=\"true\"/>\
         <userEmail>{name}</userEmail><userFullName>{name}</userFullName><userId>{user}</userId>\
         <userLanguage>en_US</userLanguage><userLocale>en_US</userLocale><userName>{name}</userName>\
         <userTimeZone>America/Los_Angeles</userTimeZone><userType>Standard</userType>\
         <userUiSkin>Theme3</userUiSkin>"
    )
}

fn login(salesforce: &Salesforce, call: Node<'_, '_>, base: &str, kind: &str, version: &str) -> Response {
    let settings = salesforce.oauth.settings().clone();
    let username = text(call, "username").unwrap_or_default();
    let password = text(call, "password").unwrap_or_default();
    // A security token may stand behind the password.
    if username != settings.username || !password.starts_with(&settings.password) {
        return fault(
            "INVALID_LOGIN",
            "Invalid username, password, security token; or user locked out.",
        );
    }
    let session = salesforce.oauth.preset().access_token;
    let (organization, user) = (salesforce.organization_id(), salesforce.integration_user_id());
    let short = RecordId::parse(&organization).map_or_else(String::new, |id| id.short().to_owned());
    envelope(
        StatusCode::OK,
        &format!(
            "<loginResponse><result><metadataServerUrl>{base}/services/Soap/m/{version}/{short}</metadataServerUrl>\
             <passwordExpired>false</passwordExpired><sandbox>false</sandbox>\
             <serverUrl>{base}/services/Soap/{kind}/{version}/{short}</serverUrl><sessionId>{session}</sessionId>\
             <userId>{user}</userId><userInfo>{}</userInfo></result></loginResponse>",
            user_info(salesforce)
        ),
    )
}
