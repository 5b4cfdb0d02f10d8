//! A simulator as the command serves it, and the person at its consent page.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::folder::{Ended, Folder};

/// `syncline simulate`, stopped when dropped.
#[derive(Debug)]
pub(crate) struct Simulator {
    child: Child,
    line: Value,
}

impl Drop for Simulator {
    fn drop(&mut self) {
        let _gone_already = self.child.kill();
        let _gone_already = self.child.wait();
    }
}

impl Simulator {
    /// Serves a CRM with 20 people.
    pub(crate) fn serve(provider: &str) -> Self {
        Self::seeded(provider, "7")
    }

    /// The same, with other people for another seed.
    pub(crate) fn seeded(provider: &str, seed: &str) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_syncline"))
            .args(["simulate", provider, "--records", "20", "--seed", seed])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        Self {
            child,
            line: serde_json::from_str(&line).unwrap(),
        }
    }

    /// Sends its process a signal, such as `STOP`, after which it answers no more, and `CONT`.
    pub(crate) fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args([&format!("-{name}"), &id]).status().unwrap();
        assert!(sent.success());
    }

    /// A value of the line that it printed first.
    pub(crate) fn says(&self, name: &str) -> String {
        self.line[name]
            .as_str()
            .unwrap_or_else(|| panic!("no {name} in {}", self.line))
            .to_owned()
    }

    /// Changes a record as a user of the CRM's API.
    pub(crate) fn patch(&self, path: &str, body: &str) -> String {
        let token = self.says("access_token");
        let headers = format!("Authorization: Bearer {token}\r\nContent-Type: application/json\r\n");
        request("PATCH", &format!("{}{path}", self.says("base_url")), &headers, body)
    }
}

/// Runs `connect --headless` and plays the person: agrees on the consent page, and follows it back.
pub(crate) fn connect(folder: &Folder, name: &str, simulator: &Simulator) -> Ended {
    connect_by(folder, &["connect", name, "--headless"], simulator)
}

/// The same with a command line of its own.
pub(crate) fn connect_by(folder: &Folder, arguments: &[&str], simulator: &Simulator) -> Ended {
    let mut child = folder
        .command(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut address = String::new();
    out.read_line(&mut address).unwrap();
    let (page, query) = address
        .trim()
        .split_once('?')
        .unwrap_or_else(|| panic!("no address: {address}"));
    // The page hands its own parameters on in hidden fields, so its form is its query and what the person types.
    let form = format!(
        "{query}&username={}&password={}&decision=allow",
        simulator.says("username").replace('@', "%40"),
        simulator.says("password")
    );
    let answer = request(
        "POST",
        page,
        "Content-Type: application/x-www-form-urlencoded\r\n",
        &form,
    );
    let back = answer
        .lines()
        .find_map(|line| {
            line.strip_prefix("location: ")
                .or_else(|| line.strip_prefix("Location: "))
        })
        .unwrap_or_else(|| panic!("the consent page does not send back: {answer}"));
    // Somebody else's request first: it must not end the wait.
    let other = back.split_once('?').unwrap().0;
    assert!(request("GET", &format!("{other}?code=stolen&state=guessed"), "", "").starts_with("HTTP/1.1 404"));
    assert!(request("GET", back, "", "").starts_with("HTTP/1.1 200"));
    let mut rest = String::new();
    out.read_to_string(&mut rest).unwrap();
    let mut ended = Ended::new(&child.wait_with_output().unwrap());
    ended.out = rest;
    ended
}

/// One request on a connection of its own; the whole answer as text.
fn request(verb: &str, url: &str, headers: &str, body: &str) -> String {
    let rest = url.strip_prefix("http://").unwrap();
    let (host, path) = rest.split_once('/').unwrap();
    let mut stream = TcpStream::connect(host).unwrap();
    write!(
        stream,
        "{verb} /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{headers}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}
