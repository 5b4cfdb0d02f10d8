//! Records kept as an earlier mapping read them, brought to the current one without reading them again.

use super::rebase::rebase;
use super::scene::Scene;
use crate::error::Result;
use crate::state::{Linked, SideFlags};
use crate::value::{Value, content_hash, decode_all, encode_all};

/// Brings a side to the current version of its mapping, where all that this one reads was read under the earlier one,
/// by the same rules: rules were removed, or only their order changed. Returns whether it was done; otherwise the record
/// has to be read.
///
/// # Errors
/// [`crate::ErrorKind::Corrupt`] when stored state can't be read.
pub fn refile(linked: &mut Linked, index: usize, scene: &Scene<'_>) -> Result<bool> {
    let Linked { entity, sides } = linked;
    let side = &mut sides[index];
    let Some(known) = scene.sides.get(&side.key.side) else {
        return Ok(false);
    };
    let is_current = side.mapping_version == known.mapping.version;
    // The outcome of what is in flight is read under the mapping that it was sent under.
    if is_current || side.obs.is_empty() || side.flags.has(SideFlags::IN_FLIGHT) {
        return Ok(false);
    }
    let earlier = known
        .earlier
        .iter()
        .find(|earlier| earlier.mapping.version == side.mapping_version);
    let Some(earlier) = earlier else { return Ok(false) };
    let read = &earlier.mapping.projection.fields;
    let fields = known.mapping.projection.fields.iter();
    let places: Option<Vec<usize>> = fields
        .map(|field| read.iter().position(|before| before == field))
        .collect();
    let by_the_same_rules = known
        .mapping
        .groups
        .iter()
        .all(|group| earlier.same.contains(&group.group));
    let (Some(places), true) = (places, by_the_same_rules) else {
        return Ok(false);
    };
    let row = decode_all(&side.obs)?;
    let values: Vec<Value> = places
        .into_iter()
        .map(|place| row.get(place).cloned().unwrap_or_default())
        .collect();
    let obs = encode_all(&values);
    rebase(side, &obs, known.mapping, known.earlier, |side, group| {
        entity.rev_of(group) > side.base_rev(group)
    })?;
    side.hash = content_hash(&obs);
    side.obs = obs;
    side.mapping_version = known.mapping.version;
    side.tidy();
    Ok(true)
}
