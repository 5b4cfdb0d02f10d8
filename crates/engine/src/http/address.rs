//! Which addresses requests may go to. Everything inside somebody's network is out, so that a connection can't be
//! used to reach it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use url::{Host, Url};

/// Which addresses requests may go to besides public ones over HTTPS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AddressPolicy {
    /// Whether this machine may be reached, also over plain HTTP: for simulators and tests.
    pub allow_loopback: bool,
}

impl AddressPolicy {
    /// Whether a URL may be asked at all. Names are checked again when they are resolved.
    pub(crate) fn check_url(self, url: &Url) -> Result<(), String> {
        if !url.username().is_empty() || url.password().is_some() {
            return Err("addresses with credentials in them are not used".to_owned());
        }
        let local = match url.host() {
            None => return Err("the address names no host".to_owned()),
            Some(Host::Domain(name)) => is_local_name(name),
            Some(Host::Ipv4(address)) => self.check_address(IpAddr::V4(address), true)?,
            Some(Host::Ipv6(address)) => self.check_address(IpAddr::V6(address), true)?,
        };
        match url.scheme() {
            "https" => Ok(()),
            "http" if local && self.allow_loopback => Ok(()),
            "http" if local => Err("this machine is only reached where a setting allows it".to_owned()),
            scheme => Err(format!("{scheme} is not used; connections speak https")),
        }
    }

    /// Whether an address may be connected to; true means that it is this machine. `local` says whether it was asked
    /// for as such: another name that resolves to this machine is an attack.
    pub(crate) fn check_address(self, address: IpAddr, local: bool) -> Result<bool, String> {
        let address = address.to_canonical();
        if address.is_loopback() {
            return if self.allow_loopback && local {
                Ok(true)
            } else {
                Err("the address is this machine's own".to_owned())
            };
        }
        let public = match address {
            IpAddr::V4(address) => is_public_v4(address),
            IpAddr::V6(address) => is_public_v6(address),
        };
        if public {
            Ok(false)
        } else {
            Err("the address is not a public one".to_owned())
        }
    }
}

/// Whether a name stands for this machine by its very form.
pub(crate) fn is_local_name(name: &str) -> bool {
    let name = name.trim_end_matches('.');
    name.eq_ignore_ascii_case("localhost")
        || name.len() > 10
            && name.is_char_boundary(name.len() - 10)
            && name[name.len() - 10..].eq_ignore_ascii_case(".localhost")
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [first, second, third, _] = address.octets();
    !(address.is_unspecified()
        || address.is_loopback()
        || address.is_private()
        // Holds the metadata services of clouds, 169.254.169.254.
        || address.is_link_local()
        || address.is_broadcast()
        || address.is_multicast()
        || address.is_documentation()
        || first == 0
        || first >= 240
        // Carrier-grade NAT, which also holds a cloud's metadata service at 100.100.100.200.
        || (first == 100 && (64..128).contains(&second))
        // Protocol assignments, former 6to4 relays, and benchmarks.
        || (first == 192 && second == 0 && third == 0)
        || (first == 192 && second == 88 && third == 99)
        || (first == 198 && (18..20).contains(&second)))
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let parts = address.segments();
    // Only global unicast space is assigned to the internet. Unique local, link local, multicast and mapped
    // addresses lie outside it; these lie inside and carry or hide others: 6to4, Teredo and all of 2001:0::/23,
    // documentation.
    parts[0] & 0xe000 == 0x2000
        && parts[0] != 0x2002
        && !(parts[0] == 0x2001 && parts[1] < 0x0200)
        && !(parts[0] == 0x2001 && parts[1] == 0x0db8)
        && parts[0] != 0x3fff
}

#[cfg(test)]
mod tests {
    use super::*;

    const STRICT: AddressPolicy = AddressPolicy { allow_loopback: false };
    const LOOPBACK: AddressPolicy = AddressPolicy { allow_loopback: true };

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn url(policy: AddressPolicy, text: &str) -> bool {
        policy.check_url(&Url::parse(text).unwrap()).is_ok()
    }

    #[test]
    fn addresses_inside_networks_are_refused() {
        for inside in [
            "10.0.0.1",
            "172.16.3.4",
            "192.168.1.1",
            "127.0.0.1",
            "127.8.8.8",
            "0.0.0.0",
            "169.254.169.254",
            "100.64.0.1",
            "100.100.100.200",
            "192.0.0.8",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "240.0.0.1",
            "::",
            "::1",
            "fe80::1",
            "fc00::1",
            "fd00:ec2::254",
            "ff02::1",
            "::ffff:10.0.0.1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::a00:1",
            "2002:a00:1::",
            "2001::1",
            "2001:db8::1",
        ] {
            assert!(STRICT.check_address(address(inside), false).is_err(), "{inside}");
            assert!(STRICT.check_address(address(inside), true).is_err(), "{inside}");
        }
        for public in ["8.8.8.8", "104.16.1.1", "2606:4700::1111", "2a00:1450:4001::1"] {
            assert_eq!(STRICT.check_address(address(public), false), Ok(false), "{public}");
        }
    }

    #[test]
    fn loopback_is_reached_only_by_its_own_names_and_only_if_allowed() {
        assert_eq!(LOOPBACK.check_address(address("127.0.0.1"), true), Ok(true));
        assert_eq!(LOOPBACK.check_address(address("::ffff:127.0.0.1"), true), Ok(true));
        assert!(
            LOOPBACK.check_address(address("127.0.0.1"), false).is_err(),
            "another name that resolves to it"
        );
        assert!(LOOPBACK.check_address(address("10.0.0.1"), true).is_err());
    }

    #[test]
    fn only_https_is_spoken_to_others() {
        assert!(url(STRICT, "https://api.example.com/x"));
        assert!(!url(STRICT, "http://api.example.com/x"));
        assert!(!url(LOOPBACK, "http://api.example.com/x"));
        assert!(!url(STRICT, "http://127.0.0.1:8080/x"));
        assert!(!url(STRICT, "http://localhost/"));
        assert!(!url(STRICT, "https://127.0.0.1/"));
        assert!(url(LOOPBACK, "http://127.0.0.1:8080/x"));
        assert!(url(LOOPBACK, "http://localhost:8080/x"));
        assert!(url(LOOPBACK, "http://[::1]:8080/x"));
        assert!(!url(LOOPBACK, "http://notlocalhost/"));
        assert!(!url(STRICT, "https://user:password@api.example.com/"));
        assert!(!url(STRICT, "file:///etc/passwd"));
        assert!(!url(STRICT, "https://2130706433/"), "127.0.0.1 as a number");
        assert!(!url(STRICT, "https://0x7f.1/"), "127.0.0.1 in other digits");
    }
}
