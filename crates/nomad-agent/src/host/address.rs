//! The description of one interface address, as in Nomad's host data.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

/// An address with the length of its network prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Address {
    pub(super) ip: IpAddr,
    pub(super) prefix: u8,
}

impl Address {
    /// All of Nomad's keys, every value a string.
    pub(super) fn describe(self) -> BTreeMap<String, String> {
        let mut facts = match self.ip {
            IpAddr::V4(ip) => describe_v4(ip, self.prefix),
            IpAddr::V6(ip) => describe_v6(ip, self.prefix),
        };
        facts.extend(self.common());
        facts.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
    }

    fn bits(self) -> u8 {
        if self.ip.is_ipv4() { 32 } else { 128 }
    }

    fn common(self) -> [(&'static str, String); 10] {
        let (ip, bits) = (self.ip.to_string(), self.bits());
        let version = if self.ip.is_ipv4() { 4 } else { 6 };
        let is_host = self.prefix >= bits;
        // Only a host address can be listened on; none can be dialled, because none has a port.
        let listen = match self.ip {
            IpAddr::V4(ip) if is_host => format!("{ip}:0"),
            IpAddr::V6(ip) if is_host => format!("[{ip}]:0"),
            IpAddr::V4(_) | IpAddr::V6(_) => String::new(),
        };
        [
            ("type", format!("IPv{version}")),
            ("string", if is_host { ip.clone() } else { format!("{ip}/{}", self.prefix) }),
            ("host", ip.clone()),
            ("address", ip),
            ("port", "0".into()),
            ("mask_bits", self.prefix.to_string()),
            ("DialPacket", format!("\"udp{version}\" \"\"")),
            ("DialStream", format!("\"tcp{version}\" \"\"")),
            ("ListenPacket", format!("\"udp{version}\" \"{listen}\"")),
            ("ListenStream", format!("\"tcp{version}\" \"{listen}\"")),
        ]
    }
}

type Facts = BTreeMap<&'static str, String>;

fn describe_v4(ip: Ipv4Addr, prefix: u8) -> Facts {
    let number = u32::from(ip);
    let mask = u32::MAX.checked_shl(32 - u32::from(prefix.min(32))).unwrap_or(0);
    let (first, last) = (number & mask, number | !mask);
    // Networks of one or two addresses have no network and broadcast address to skip.
    let skip = u32::from(prefix < 31);
    let show = |number: u32| Ipv4Addr::from(number).to_string();
    Facts::from([
        ("netmask", show(mask)),
        ("network", show(first)),
        ("broadcast", show(last)),
        ("first_usable", show(first + skip)),
        ("last_usable", show(last - skip)),
        ("binary", format!("{number:032b}")),
        ("hex", format!("{number:08x}")),
        ("octets", octets(&ip.octets())),
        ("size", (u64::from(last - first) + 1).to_string()),
        ("uint32", number.to_string()),
    ])
}

fn describe_v6(ip: Ipv6Addr, prefix: u8) -> Facts {
    let number = u128::from(ip);
    let mask = u128::MAX.checked_shl(128 - u32::from(prefix.min(128))).unwrap_or(0);
    let (first, last) = (number & mask, number | !mask);
    let show = |number: u128| Ipv6Addr::from(number).to_string();
    // 2^128, the size of the whole of IPv6, is one more than fits.
    let size = (last - first)
        .checked_add(1)
        .map_or_else(|| "340282366920938463463374607431768211456".into(), |size| size.to_string());
    Facts::from([
        ("netmask", show(mask)),
        ("network", show(first)),
        ("first_usable", show(first)),
        ("last_usable", show(last)),
        ("binary", format!("{number:0128b}")),
        ("hex", format!("{number:032x}")),
        ("octets", octets(&ip.octets())),
        ("size", size),
        ("uint128", number.to_string()),
    ])
}

fn octets(octets: &[u8]) -> String {
    octets.iter().map(u8::to_string).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(ip: &str, prefix: u8, expected: &[(&str, &str)]) {
        let facts = Address { ip: ip.parse().unwrap(), prefix }.describe();
        for (key, value) in expected {
            assert_eq!(facts.get(*key).map(String::as_str), Some(*value), "{ip}/{prefix} {key}");
        }
        assert_eq!(facts.len(), expected.len(), "{facts:?}");
    }

    // The recorded response of a real agent for the loopback address.
    #[test]
    fn an_ipv4_network_reads_as_recorded() {
        check(
            "127.0.0.1",
            8,
            &[
                ("network", "127.0.0.0"),
                ("last_usable", "127.255.255.254"),
                ("octets", "127 0 0 1"),
                ("uint32", "2130706433"),
                ("size", "16777216"),
                ("DialPacket", "\"udp4\" \"\""),
                ("type", "IPv4"),
                ("address", "127.0.0.1"),
                ("port", "0"),
                ("netmask", "255.0.0.0"),
                ("hex", "7f000001"),
                ("first_usable", "127.0.0.1"),
                ("ListenStream", "\"tcp4\" \"\""),
                ("binary", "01111111000000000000000000000001"),
                ("DialStream", "\"tcp4\" \"\""),
                ("string", "127.0.0.1/8"),
                ("host", "127.0.0.1"),
                ("mask_bits", "8"),
                ("broadcast", "127.255.255.255"),
                ("ListenPacket", "\"udp4\" \"\""),
            ],
        );
    }

    #[test]
    fn an_ipv6_host_reads_as_recorded() {
        let binary = format!("{:0128b}", 1);
        check(
            "::1",
            128,
            &[
                ("host", "::1"),
                ("network", "::1"),
                ("first_usable", "::1"),
                ("ListenPacket", "\"udp6\" \"[::1]:0\""),
                ("DialStream", "\"tcp6\" \"\""),
                ("type", "IPv6"),
                ("string", "::1"),
                ("hex", "00000000000000000000000000000001"),
                ("uint128", "1"),
                ("DialPacket", "\"udp6\" \"\""),
                ("ListenStream", "\"tcp6\" \"[::1]:0\""),
                ("port", "0"),
                ("mask_bits", "128"),
                ("last_usable", "::1"),
                ("octets", "0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 1"),
                ("size", "1"),
                ("address", "::1"),
                ("netmask", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
                ("binary", &binary),
            ],
        );
    }

    proptest! {
        // No address and no prefix, however odd, panics.
        #[test]
        fn every_address_can_be_described(v4: u32, v6: u128, prefix: u8) {
            prop_assert_eq!(Address { ip: Ipv4Addr::from(v4).into(), prefix }.describe().len(), 20);
            prop_assert_eq!(Address { ip: Ipv6Addr::from(v6).into(), prefix }.describe().len(), 19);
        }
    }
}
