//! Statistics of devices, in the answers about hosts and about allocations.
//!
//! All keys are sorted by byte. A device plugin chooses what it tells, as a tree of values.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize, Serializer};

use crate::json::{ObjectWriter, UnknownFields};

/// All devices of one kind, in [`HostStats`](super::HostStats) and
/// [`ResourceUsage`](super::ResourceUsage).
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct DeviceGroupStats {
    /// Each device by its id.
    pub instance_stats: Option<BTreeMap<String, DeviceInstanceStats>>,
    /// Model.
    pub name: String,
    /// Kind, such as `gpu`.
    #[serde(rename = "Type")]
    pub kind: String,
    /// Maker.
    pub vendor: String,
    /// Keys this crate does not know.
    #[serde(flatten)]
    pub other: UnknownFields,
}

impl Serialize for DeviceGroupStats {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut keys = ObjectWriter::sorted(to, &self.other)?;
        keys.write("InstanceStats", &self.instance_stats)?;
        keys.write("Name", &self.name)?;
        keys.write("Type", &self.kind)?;
        keys.write("Vendor", &self.vendor)?;
        keys.end()
    }
}

/// One device, in [`DeviceGroupStats`].
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct DeviceInstanceStats {
    /// All figures.
    pub stats: Option<StatObject>,
    /// The figure that matters most.
    pub summary: Option<StatValue>,
    /// When they were taken, RFC 3339; `null` for never.
    pub timestamp: Option<String>,
    /// Keys this crate does not know.
    #[serde(flatten)]
    pub other: UnknownFields,
}

impl Serialize for DeviceInstanceStats {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut keys = ObjectWriter::sorted(to, &self.other)?;
        keys.write("Stats", &self.stats)?;
        keys.write("Summary", &self.summary)?;
        keys.write("Timestamp", &self.timestamp)?;
        keys.end()
    }
}

/// A tree of figures, in [`DeviceInstanceStats`].
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct StatObject {
    /// The figures of this level, by name.
    pub attributes: Option<BTreeMap<String, StatValue>>,
    /// The levels below, by name.
    pub nested: Option<BTreeMap<String, Self>>,
    /// Keys this crate does not know.
    #[serde(flatten)]
    pub other: UnknownFields,
}

impl Serialize for StatObject {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut keys = ObjectWriter::sorted(to, &self.other)?;
        keys.write("Attributes", &self.attributes)?;
        keys.write("Nested", &self.nested)?;
        keys.end()
    }
}

/// One figure, in [`StatObject`]; only what is set is printed.
///
/// A numerator alone is a plain number; with a denominator it is a share.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct StatValue {
    /// True or false.
    pub bool_val: Option<bool>,
    /// What the figure means, in words.
    pub desc: Option<String>,
    /// What the float is a share of.
    pub float_denominator_val: Option<f64>,
    /// A float.
    pub float_numerator_val: Option<f64>,
    /// What the integer is a share of.
    pub int_denominator_val: Option<i64>,
    /// An integer.
    pub int_numerator_val: Option<i64>,
    /// A text.
    pub string_val: Option<String>,
    /// Unit of the number, such as `MiB`.
    pub unit: Option<String>,
    /// Keys this crate does not know.
    #[serde(flatten)]
    pub other: UnknownFields,
}

impl Serialize for StatValue {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut keys = ObjectWriter::sorted(to, &self.other)?;
        keys.write_some("BoolVal", self.bool_val.as_ref())?;
        keys.write_some("Desc", self.desc.as_ref())?;
        keys.write_some("FloatDenominatorVal", self.float_denominator_val.as_ref())?;
        keys.write_some("FloatNumeratorVal", self.float_numerator_val.as_ref())?;
        keys.write_some("IntDenominatorVal", self.int_denominator_val.as_ref())?;
        keys.write_some("IntNumeratorVal", self.int_numerator_val.as_ref())?;
        keys.write_some("StringVal", self.string_val.as_ref())?;
        keys.write_some("Unit", self.unit.as_ref())?;
        keys.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::{Layout, to_json};

    #[test]
    fn a_device_prints_only_what_its_figures_hold() {
        let wire = concat!(
            r#"[{"InstanceStats":{"gpu-1":{"Stats":{"Attributes":{"Memory":{"Desc":"used","#,
            r#""IntDenominatorVal":16,"IntNumeratorVal":4,"Unit":"MiB"}},"Nested":{"Clocks":"#,
            r#"{"Attributes":null,"Nested":null}}},"Summary":{"FloatNumeratorVal":0.0},"#,
            r#""Timestamp":null}},"Name":"T4","Type":"gpu","Vendor":"nvidia"}]"#,
        );
        let groups: Vec<DeviceGroupStats> = serde_json::from_str(wire).unwrap();
        assert_eq!(groups[0].kind, "gpu");
        assert_eq!(to_json(&groups, Layout::Compact).unwrap(), wire.as_bytes());
    }
}
