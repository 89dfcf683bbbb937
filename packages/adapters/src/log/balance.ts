/**
 * Shares partitions among members: as even as can be, and nobody loses one without need.
 * Shape: the answer has one member a partition, in the order of `owners`; undefined throughout when there is no member.
 */
export function balance<Member>(
  owners: readonly (Member | undefined)[],
  members: readonly Member[],
): readonly (Member | undefined)[] {
  if (members.length === 0) return owners.map(() => undefined)
  const share = Math.floor(owners.length / members.length)
  let extras = owners.length % members.length
  const counts = new Map<Member, number>(members.map((member) => [member, 0]))
  const kept = owners.map((owner) => {
    const count = owner === undefined ? undefined : counts.get(owner)
    if (owner === undefined || count === undefined || count > share) return undefined
    if (count === share) {
      if (extras === 0) return undefined
      extras--
    }
    counts.set(owner, count + 1)
    return owner
  })
  return kept.map((owner) => {
    if (owner !== undefined) return owner
    let least = members[0] as Member
    for (const member of members) if ((counts.get(member) ?? 0) < (counts.get(least) ?? 0)) least = member
    counts.set(least, (counts.get(least) ?? 0) + 1)
    return least
  })
}
