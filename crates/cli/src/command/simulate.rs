//! `syncline simulate`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::str::FromStr;

use clap::ValueEnum;
use syncline_simulators::hubspot::HubSpot;
use syncline_simulators::salesforce::Salesforce;
use syncline_simulators::{Fault, Faults, Options};

use crate::failure::Failure;
use crate::interrupt::Interrupts;
use crate::output::{Output, note, print};

/// What `simulate` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct SimulateArguments {
    /// Which CRM.
    #[arg(value_enum, required_unless_present = "fault")]
    provider: Option<Provider>,
    /// The address to serve on; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:0", value_name = "ADDRESS")]
    listen: SocketAddr,
    /// People to generate, and a tenth as many companies.
    #[arg(long, default_value_t = 100, value_name = "N", value_parser = crate::number::within(0_usize, 2_000_000))]
    records: usize,
    /// What every generated value, id and token follows from.
    #[arg(long, default_value_t = 1, value_parser = crate::number::number)]
    seed: u64,
    /// A folder of recorded describe documents to take the schemas from.
    #[arg(long, value_name = "DIR")]
    from: Option<PathBuf>,
    /// A file of people to seed instead of generated ones.
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
    /// A fault and how often it strikes, from 0 to 1, such as `server-error=0.1`; `list` names them. Repeatable.
    #[arg(long, value_name = "NAME=RATE")]
    fault: Vec<FaultArgument>,
}

/// A CRM that can be simulated.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Provider {
    /// A Salesforce organisation.
    Salesforce,
    /// A HubSpot portal.
    Hubspot,
}

/// A fault and its rate, or the wish to see them all.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum FaultArgument {
    /// All that there are.
    List,
    /// One, and how often it strikes.
    Rate(Fault, f64),
}

impl FromStr for FaultArgument {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "list" {
            return Ok(Self::List);
        }
        let Some((name, rate)) = text.split_once('=') else {
            return Err(format!("write NAME=RATE, such as `{text}=0.1`, or `list`"));
        };
        let fault = Fault::from_str(name).map_err(|error| error.to_string())?;
        match rate.parse::<f64>() {
            Ok(rate) if (0.0..=1.0).contains(&rate) => Ok(Self::Rate(fault, rate)),
            _ => Err(format!("`{rate}` is no rate; write a number from 0 to 1")),
        }
    }
}

/// Serves a simulator until Ctrl-C.
///
/// # Errors
/// When a file or folder can't be read, or the address can't be bound.
pub(crate) async fn simulate(arguments: SimulateArguments, output: Output) -> Result<ExitCode, Failure> {
    if arguments.fault.contains(&FaultArgument::List) {
        list_faults(output)?;
        return Ok(ExitCode::SUCCESS);
    }
    let Some(provider) = arguments.provider else {
        return Err(Failure::usage(
            "name the CRM: `syncline simulate salesforce` or `syncline simulate hubspot`",
        ));
    };
    if let Some(folder) = arguments.from.as_ref().filter(|folder| !folder.is_dir()) {
        return Err(Failure::not_found(format!("there is no folder {}", folder.display())));
    }
    if let Some(file) = arguments.csv.as_ref().filter(|file| !file.is_file()) {
        return Err(Failure::not_found(format!("there is no file {}", file.display())));
    }
    let faults = Faults::new(arguments.seed);
    for argument in &arguments.fault {
        if let FaultArgument::Rate(fault, rate) = argument {
            faults.set_rate(*fault, *rate);
        }
    }
    let schema_dir = arguments.from.map(|folder| match provider {
        // Both providers' recordings lie side by side; HubSpot finds its own.
        Provider::Salesforce if folder.join("salesforce").is_dir() => folder.join("salesforce"),
        _ => folder,
    });
    let options = Options {
        records: arguments.records,
        seed: arguments.seed,
        schema_dir,
        csv: arguments.csv,
        faults: faults.clone(),
        ..Options::default()
    };
    let broken = |error: std::io::Error| {
        let message = format!("the simulator can't be set up: {error}");
        // Without a word from the system it is what the file says that is wrong.
        if error.raw_os_error().is_none() {
            Failure::usage(message)
        } else {
            Failure::failed(message)
        }
    };
    let unbound = |error: std::io::Error| {
        Failure::failed(format!("{} can't be listened on: {error}", arguments.listen))
            .next("choose another port, or 0 for a free one")
    };
    let (server, line) = match provider {
        Provider::Salesforce => {
            let simulator = Salesforce::new(options).map_err(broken)?;
            (
                simulator.serve(arguments.listen).await.map_err(unbound)?,
                simulator.connection_line(),
            )
        }
        Provider::Hubspot => {
            let simulator = HubSpot::new(options).map_err(broken)?;
            (
                simulator.serve(arguments.listen).await.map_err(unbound)?,
                simulator.connection_line(),
            )
        }
    };
    let mut interrupts = Interrupts::listen();
    // One line, whatever the output format: programs read it to find the simulator.
    print(&format!("{line}\n"));
    note(guide(provider, &line));
    interrupts.next().await;
    server.shutdown().await;
    for (fault, count) in faults.injected().into_iter().filter(|(_, count)| *count > 0) {
        note(format_args!("{} struck {count} times", fault.name()));
    }
    Ok(ExitCode::SUCCESS)
}

/// Lists what can go wrong.
///
/// # Errors
/// When it has no JSON form.
pub(crate) fn list_faults(output: Output) -> Result<(), Failure> {
    output.listing(
        &Fault::ALL,
        &["Fault", "What happens"],
        "",
        |fault| serde_json::json!({ "name": fault.name(), "description": fault.description() }),
        |fault| vec![fault.name().to_owned(), fault.description().to_owned()],
    )
}

/// Tells a person what to do with a simulator.
fn guide(provider: Provider, line: &serde_json::Value) -> String {
    let said = |name: &str| line[name].as_str().unwrap_or_default().to_owned();
    let (service, provider, connection) = match provider {
        Provider::Salesforce => ("Salesforce", "salesforce", "sales"),
        Provider::Hubspot => ("HubSpot", "hubspot", "marketing"),
    };
    format!(
        "{service} is simulated at {url}, with a page to look at in a browser at {url}/simulator; Ctrl-C stops it. To \
         sync with it, add this to syncline.toml:\n\n[connections.{connection}]\nprovider = \"{provider}\"\nclient_id = \
         \"{client}\"\nlogin_url = \"{url}\"\nallow_loopback = true\n\nthen sign in as {user} with the password \
         {password}:\n\n{variable}={secret} syncline connect {connection}",
        url = said("base_url"),
        client = said("client_id"),
        user = said("username"),
        password = said("password"),
        variable = crate::config::variable(connection, "CLIENT_SECRET"),
        secret = said("client_secret"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_is_told_what_to_write_into_the_file() {
        let line = serde_json::json!({ "base_url": "http://127.0.0.1:9001", "client_id": "c", "client_secret": "s" });
        let told = guide(Provider::Hubspot, &line);
        let section = told.split("\n\n").nth(1).unwrap();
        let file: toml::Table = section.parse().unwrap();
        let connection = file["connections"]["marketing"].as_table().unwrap();
        assert_eq!(connection["login_url"].as_str(), Some("http://127.0.0.1:9001"));
        assert_eq!(connection["client_id"].as_str(), Some("c"));
        assert!(
            told.ends_with("SYNCLINE_MARKETING_CLIENT_SECRET=s syncline connect marketing"),
            "{told}"
        );
    }

    #[test]
    fn a_fault_is_a_name_and_a_rate() {
        assert_eq!("reset=0.25".parse(), Ok(FaultArgument::Rate(Fault::Reset, 0.25)));
        assert_eq!("list".parse(), Ok(FaultArgument::List));
        for wrong in ["reset", "reset=2", "reset=x", "nonsense=0.1"] {
            assert!(wrong.parse::<FaultArgument>().is_err(), "{wrong}");
        }
    }
}
