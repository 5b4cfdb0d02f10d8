//! Authorising against both CRMs for real: the authorize URL, the consent form filled in as a browser would, the
//! redirect caught, the code exchanged.

use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use syncline::connection::{AuthoriseRequest, Callback, Connection};
use syncline::connector::Access;
use syncline::http::{AddressPolicy, Limits, ReqwestTransport, Transport};
use syncline::{Error, ErrorKind, Result};
use url::Url;

use super::crm::Crm;
use super::world::World;

/// Where the consent pages send the browser back to. Nobody listens: the address itself carries the answer.
const REDIRECT: &str = "http://127.0.0.1:8400/oauth/callback";

/// Connects both CRMs, Salesforce first.
///
/// # Errors
/// What the consent page or the engine reports.
pub(super) async fn connect_both(world: &World) -> Result<[Connection; 2]> {
    let browser = Browser(ReqwestTransport::new(AddressPolicy { allow_loopback: true })?);
    Ok([
        connect(world, &world.salesforce, &browser).await?,
        connect(world, &world.hubspot, &browser).await?,
    ])
}

async fn connect(world: &World, crm: &Crm, browser: &Browser) -> Result<Connection> {
    let credentials = crm.credentials();
    let mut request = AuthoriseRequest::new(
        world.tenant,
        crm.provider(),
        crm.provider(),
        &*credentials.client_id,
        REDIRECT,
    );
    request.login_url = Some(crm.base_url());
    request.client_secret = Some(credentials.client_secret.clone().into());
    request.objects = ["company", "person"]
        .map(|blueprint| (crm.object(blueprint).to_owned(), Access::Write))
        .to_vec();
    let authorising = world.engine.connections().authorise(request, &world.admin).await?;
    let back = browser
        .agree(&authorising.authorize_url, &credentials.username, &credentials.password)
        .await?;
    world
        .engine
        .connections()
        .complete(world.tenant, &Callback::parse(&back), &world.admin)
        .await
}

/// As much of a browser as a consent page needs.
struct Browser(ReqwestTransport);

impl Browser {
    /// Opens the page, signs in, agrees, and gives back the address that it is sent to.
    async fn agree(&self, authorize_url: &str, username: &str, password: &str) -> Result<String> {
        let page = self.send(Method::GET, authorize_url, Vec::new()).await?;
        if page.status() != StatusCode::OK {
            return Err(no_consent(format!("the page was answered with {}", page.status())));
        }
        let html = String::from_utf8_lossy(page.body()).into_owned();
        let address = Url::parse(authorize_url).map_err(|error| no_consent(error.to_string()))?;
        let action = attributes(&html, "form")
            .into_iter()
            .next()
            .and_then(|form| value(form, "action"));
        let action = action.ok_or_else(|| no_consent("the page has no form".to_owned()))?;
        let action = address.join(&action).map_err(|error| no_consent(error.to_string()))?;
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        for input in attributes(&html, "input") {
            if let (Some(name), Some(value)) = (value(input, "name"), value(input, "value")) {
                form.append_pair(&name, &value);
            }
        }
        form.append_pair("username", username)
            .append_pair("password", password)
            .append_pair("decision", "allow");
        let answer = self
            .send(Method::POST, action.as_str(), form.finish().into_bytes())
            .await?;
        let location = answer
            .headers()
            .get(header::LOCATION)
            .and_then(|location| location.to_str().ok());
        match location {
            Some(location) if answer.status().is_redirection() && location.starts_with(REDIRECT) => {
                Ok(location.to_owned())
            }
            _ => Err(no_consent(format!("the form was answered with {}", answer.status()))),
        }
    }

    async fn send(&self, method: Method, url: &str, form: Vec<u8>) -> Result<http::Response<Bytes>> {
        let request = Request::builder()
            .method(method)
            .uri(url)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Bytes::from(form))
            .map_err(|error| no_consent(error.to_string()))?;
        self.0
            .send(request, &Limits::default())
            .await
            .map_err(|error| no_consent(error.to_string()))
    }
}

fn no_consent(why: String) -> Error {
    Error::new(
        ErrorKind::Protocol,
        format!("the consent page of a simulator can't be passed: {why}"),
    )
}

/// The attributes of every tag of this name. Enough for a page that we know, and for no other.
fn attributes<'a>(html: &'a str, tag: &str) -> Vec<&'a str> {
    let open = format!("<{tag} ");
    html.split(&open)
        .skip(1)
        .filter_map(|rest| rest.split('>').next())
        .collect()
}

fn value(attributes: &str, name: &str) -> Option<String> {
    let rest = attributes.split(&format!("{name}=\"")).nth(1)?;
    let raw = rest.split('"').next()?;
    let plain = [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&#39;", "'"),
        ("&amp;", "&"),
    ];
    Some(
        plain
            .iter()
            .fold(raw.to_owned(), |text, (escaped, letter)| text.replace(escaped, letter)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_gives_its_fields() {
        let html = "<form method=\"post\" action=\"/a?b=1&amp;c=2\"><input type=\"hidden\" name=\"x\" value=\"&quot;1&quot;\">";
        assert_eq!(value(attributes(html, "form")[0], "action").unwrap(), "/a?b=1&c=2");
        assert_eq!(value(attributes(html, "input")[0], "value").unwrap(), "\"1\"");
    }
}
