//! Requests that must not leave.

use syncline_plugin::bindings::syncline::connector::{host, types as wit};

/// A request to an address.
pub(crate) fn request(url: &str, effect: wit::Effect) -> wit::Request {
    wit::Request {
        method: wit::Method::Get,
        url: url.into(),
        headers: vec![("accept".into(), "application/json".into())],
        body: Vec::new(),
        auth: wit::Auth::Connection,
        effect,
        timeout: None,
        cost: 1,
        bucket: None,
    }
}

const OWN: &str = "https://api.hostile.example/me";

/// Sends what it is told to, by name, and gives back what it heard.
pub(crate) fn send(what: &str) -> Result<String, wit::Error> {
    let mut asked = request(OWN, wit::Effect::Read);
    let mut header = |name: &str, value: &str| asked.headers.push((name.into(), value.into()));
    match what {
        "another host" => asked.url = "https://elsewhere.example/take".into(),
        "loopback" => asked.url = "http://127.0.0.1:1/admin".into(),
        "loopback by number" => asked.url = "https://2130706433/admin".into(),
        "loopback by name" => asked.url = "https://localhost/admin".into(),
        "metadata" => asked.url = "http://169.254.169.254/latest/meta-data/".into(),
        "a file" => asked.url = "file:///etc/passwd".into(),
        "a name in the address" => asked.url = "https://api.hostile.example@elsewhere.example/".into(),
        "a token" => header("Authorization", "Bearer of-mine"),
        "another host by header" => header("HOST", "elsewhere.example"),
        "two requests in one" => header("x-note", "1\r\n\r\nGET /admin HTTP/1.1\r\nhost: elsewhere.example"),
        "a line break in a name" => header("x-note\r\nhost", "elsewhere.example"),
        "chunks" => header("transfer-encoding", "chunked"),
        "many headers" => (0..1_000).for_each(|number| header(&format!("x-{number}"), "1")),
        "a redirect" => {
            // An answer that names another address is only an answer.
            let answer = host::send(&asked)?;
            let to = answer.head.headers.into_iter().find(|(name, _)| name == "location");
            asked.url = to.map(|(_, to)| to).unwrap_or_default();
        }
        "many requests" => loop {
            host::send(&asked)?;
        },
        "many at once" => {
            host::send_all(&vec![asked.clone(); 20_000]);
        }
        _ => {}
    }
    let answer = host::send(&asked)?;
    Ok(String::from_utf8_lossy(&answer.body).into_owned())
}

/// Every header that it can see of a request and its answer, as an account's name.
pub(crate) fn told_headers() -> String {
    let asked = request(OWN, wit::Effect::Read);
    let answer = host::send(&asked);
    let seen = format!("{asked:?} {answer:?}").replace(['"', '\\'], "'");
    format!("{{\"id\": \"1\", \"name\": \"{seen}\", \"user_id\": \"\", \"user_name\": \"\"}}")
}
