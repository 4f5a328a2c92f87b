//! The proxies whose headers are believed.

use std::{net::IpAddr, str::FromStr, sync::Arc};

/// The addresses of proxies that say truly whom they forward for. Cheap to clone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrustedProxies(Arc<[Network]>);

/// Why a text names no addresses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NetworkError {
    /// It is neither an address nor a network.
    #[error("must be an address or a network such as \"10.0.0.0/8\" or \"::1/128\"")]
    Form,
    /// The prefix is longer than the address.
    #[error("has a prefix of more than {most} bits")]
    Prefix {
        /// As many as the address has.
        most: u8,
    },
    /// The address names one host of the network: which of both is meant cannot be known.
    #[error("has bits behind its prefix")]
    Host,
}

/// Addresses with a common beginning. Those of IPv4 are kept as IPv6 has them (`::ffff:0:0/96`), so that a listener of IPv6 that takes both
/// sees the same proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Network {
    first: u128,
    mask: u128,
}

/// An address of either version as one number.
fn number(ip: IpAddr) -> u128 {
    match ip {
        IpAddr::V4(ip) => ip.to_ipv6_mapped().to_bits(),
        IpAddr::V6(ip) => ip.to_bits(),
    }
}

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let (ip, prefix) = match text.split_once('/') {
            Some((ip, prefix)) => (ip, Some(prefix)),
            None => (text, None),
        };
        let ip: IpAddr = ip.parse().map_err(|_| NetworkError::Form)?;
        let most = if ip.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            None => most,
            Some(text) if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) => {
                let prefix = text.parse().ok().filter(|prefix| *prefix <= most);
                prefix.ok_or(NetworkError::Prefix { most })?
            }
            Some(_) => return Err(NetworkError::Form),
        };
        // A shift by all bits is none.
        let mask = u128::MAX.checked_shl(u32::from(most - prefix)).unwrap_or(0);
        let first = number(ip);
        if first & mask != first { Err(NetworkError::Host) } else { Ok(Self { first, mask }) }
    }
}

impl TrustedProxies {
    /// Reads addresses and networks; of a text that is none says why not.
    ///
    /// # Errors
    /// The text, and what is wrong with it.
    pub fn parse<'a>(
        texts: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, (&'a str, NetworkError)> {
        let read = |text: &'a str| text.parse().map_err(|error| (text, error));
        texts.into_iter().map(read).collect::<Result<_, _>>().map(Self)
    }

    /// Whether nobody is believed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether this is a proxy that is believed.
    #[must_use]
    pub fn contains(&self, ip: IpAddr) -> bool {
        let ip = number(ip);
        self.0.iter().any(|network| ip & network.mask == network.first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(texts: &[&str]) -> TrustedProxies {
        TrustedProxies::parse(texts.iter().copied()).unwrap()
    }

    #[test]
    fn networks_hold_their_addresses_and_no_others() {
        let holds = |network: &str, ip: &str| of(&[network]).contains(ip.parse().unwrap());
        for (network, inside, outside) in [
            ("10.0.0.0/8", "10.255.255.255", "11.0.0.0"),
            ("10.0.0.1", "10.0.0.1", "10.0.0.2"),
            ("192.0.2.128/25", "192.0.2.128", "192.0.2.127"),
            ("::1/128", "::1", "::2"),
            ("2001:db8::/33", "2001:db8:7fff::1", "2001:db8:8000::1"),
            ("10.0.0.0/8", "::ffff:10.1.2.3", "::10.1.2.3"),
            ("::ffff:10.0.0.0/104", "10.1.2.3", "11.1.2.3"),
            // All of IPv4, and nothing of IPv6.
            ("0.0.0.0/0", "255.255.255.255", "::1"),
        ] {
            assert!(holds(network, inside), "{network} {inside}");
            assert!(!holds(network, outside), "{network} {outside}");
        }
        assert!(holds("::/0", "2001:db8::1"));
        let both = of(&["10.0.0.0/8", "::1"]);
        assert!(["10.0.0.1", "::1"].iter().all(|ip| both.contains(ip.parse().unwrap())));
        assert!(!TrustedProxies::default().contains([127, 0, 0, 1].into()));
    }

    #[test]
    fn what_is_no_network_is_told() {
        let error = |text: &str| text.parse::<Network>().unwrap_err();
        for text in
            ["", "/8", "10.0.0.0/", "10.0.0.0/+8", "10.0.0/8", "proxy", "10.0.0.0/8/8", "[::1]"]
        {
            assert_eq!(error(text), NetworkError::Form, "{text}");
        }
        assert_eq!(error("10.0.0.0/33"), NetworkError::Prefix { most: 32 });
        assert_eq!(error("::/999"), NetworkError::Prefix { most: 128 });
        assert_eq!(error("10.0.0.1/8"), NetworkError::Host);
        assert_eq!(TrustedProxies::parse(["::1", "x"]), Err(("x", NetworkError::Form)));
    }
}
