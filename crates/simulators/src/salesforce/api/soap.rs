//! SOAP: signing in by name and password as older clients do, signing out, and what REST has no call for (undelete).

use axum::Router;
use axum::extract::{Request, State as Extract};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;

use super::transport::base_url;
use crate::salesforce::Salesforce;
use crate::salesforce::id::RecordId;

pub(super) fn routes(salesforce: &Salesforce) -> Router {
    Router::new()
        .route("/services/Soap/{kind}/{version}", post(answer))
        .route("/services/Soap/{kind}/{version}/{organization}", post(answer))
        .with_state(salesforce.clone())
}

/// The text of the first element of this name, whatever its prefix; entities are resolved.
fn element(xml: &str, name: &str) -> Option<String> {
    let mut rest = xml;
    loop {
        let start = rest.find('<')?;
        rest = &rest[start + 1..];
        let tag_end = rest.find('>')?;
        let tag = &rest[..tag_end];
        let full = tag
            .split(|letter: char| letter.is_whitespace() || letter == '/')
            .next()
            .unwrap_or_default();
        if full.is_empty() || full.starts_with(['!', '?']) {
            continue;
        }
        if full.rsplit(':').next() == Some(name) {
            let body = &rest[tag_end + 1..];
            let close = body.find("</")?;
            return Some(unescape(&body[..close]));
        }
    }
}

/// The texts of all elements of this name.
fn elements(xml: &str, name: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = xml;
    while let Some(text) = element(rest, name) {
        let Some(at) = rest.find(&format!("{name}>")) else {
            break;
        };
        rest = &rest[at + name.len() + 1..];
        let Some(close) = rest.find(&format!("{name}>")) else {
            break;
        };
        rest = &rest[close + name.len() + 1..];
        found.push(text);
    }
    found
}

fn unescape(text: &str) -> String {
    text.trim()
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&apos;", "'")
        .replace("&#x27;", "'")
        .replace("&#39;", "'")
        .replace("&amp;", "&")
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
    let Ok(body) = axum::body::to_bytes(body, 1 << 20).await else {
        return fault("UNKNOWN_EXCEPTION", "the envelope is too large");
    };
    let xml = String::from_utf8_lossy(&body).into_owned();
    let mut steps = path.trim_matches('/').split('/').skip(2);
    let (kind, version) = (steps.next().unwrap_or("u"), steps.next().unwrap_or_default());
    let oldest = super::discovery::check_version(&format!("v{version}"), salesforce.state().newest_version);
    if oldest.is_err() {
        return fault("UNSUPPORTED_API_VERSION", "Invalid Api version specified on URL");
    }
    if element(&xml, "username").is_some() {
        return login(&salesforce, &xml, &base, kind, version);
    }
    let session = element(&xml, "sessionId").unwrap_or_default();
    if !salesforce.oauth.accepts(&session) {
        return fault(
            "INVALID_SESSION_ID",
            "Invalid Session ID found in SessionHeader: Illegal Session. Session not found, missing session key",
        );
    }
    if xml.contains("logout") {
        salesforce.oauth.expire(&session);
        return envelope(StatusCode::OK, "<logoutResponse/>");
    }
    if xml.contains("undelete") {
        let results: String = elements(&xml, "ids")
            .iter()
            .map(|id| undelete(&salesforce, id))
            .collect();
        return envelope(
            StatusCode::OK,
            &format!("<undeleteResponse>{results}</undeleteResponse>"),
        );
    }
    if xml.contains("getServerTimestamp") {
        let now = salesforce.clock.now();
        return envelope(
            StatusCode::OK,
            &format!(
                "<getServerTimestampResponse><result><timestamp>{now:.3}</timestamp></result></getServerTimestampResponse>"
            ),
        );
    }
    fault(
        "INVALID_OPERATION",
        "the simulator does not know this operation; use the REST API",
    )
}

fn login(salesforce: &Salesforce, xml: &str, base: &str, kind: &str, version: &str) -> Response {
    let settings = salesforce.oauth.settings().clone();
    let username = element(xml, "username").unwrap_or_default();
    let password = element(xml, "password").unwrap_or_default();
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
    let name = escape(&username);
    envelope(
        StatusCode::OK,
        &format!(
            "<loginResponse><result><metadataServerUrl>{base}/services/Soap/m/{version}/{short}</metadataServerUrl>\
             <passwordExpired>false</passwordExpired><sandbox>false</sandbox>\
             <serverUrl>{base}/services/Soap/{kind}/{version}/{short}</serverUrl><sessionId>{session}</sessionId>\
             <userId>{user}</userId><userInfo><accessibilityMode>false</accessibilityMode>\
             <currencySymbol>$</currencySymbol><organizationId>{organization}</organizationId>\
             <organizationMultiCurrency>false</organizationMultiCurrency><organizationName>Simulated</organizationName>\
             <profileId>00e000000000001AAA</profileId><sessionSecondsValid>7200</sessionSecondsValid>\
             <userDefaultCurrencyIsoCode xsi:nil=\"true\"/><userEmail>{name}</userEmail>\
             <userFullName>{name}</userFullName><userId>{user}</userId><userLanguage>en_US</userLanguage>\
             <userLocale>en_US</userLocale><userName>{name}</userName><userTimeZone>America/Los_Angeles</userTimeZone>\
             <userType>Standard</userType><userUiSkin>Theme3</userUiSkin></userInfo></result></loginResponse>"
        ),
    )
}

fn undelete(salesforce: &Salesforce, id: &str) -> String {
    let object = {
        let state = salesforce.state();
        RecordId::parse(id)
            .and_then(|id| state.find_by_prefix(id))
            .map(|table| state.tables[table].schema.name.clone())
    };
    let outcome = match object {
        Some(object) => salesforce
            .undelete(&object, id)
            .map_err(|error| (error.code, error.message)),
        None => Err(("MALFORMED_ID".to_owned(), format!("malformed id {id}"))),
    };
    match outcome {
        Ok(()) => format!("<result><id>{}</id><success>true</success></result>", escape(id)),
        Err((code, message)) => format!(
            "<result><errors><message>{}</message><statusCode>{code}</statusCode></errors><id>{}</id>\
             <success>false</success></result>",
            escape(&message),
            escape(id)
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::{element, elements};

    #[test]
    fn elements_are_found_whatever_their_prefix() {
        let xml = "<?xml version=\"1.0\"?><a:E xmlns:a=\"x\"><n1:login xmlns:n1=\"u\"><n1:username>a&amp;b</n1:username>\
                   <ids>1</ids><ids>2</ids></n1:login></a:E>";
        assert_eq!(element(xml, "username").as_deref(), Some("a&b"));
        assert_eq!(elements(xml, "ids"), ["1", "2"]);
        assert_eq!(element(xml, "password"), None);
    }
}
