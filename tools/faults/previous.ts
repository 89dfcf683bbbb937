/**
 * The version before this one, as rolling upgrades meet it (`--upgrade-from previous`, and the skew test). Moved on with every release, and
 * before a change of what travels or is kept that the release after it begins to write.
 */
export const previousVersion = '03d4835f9eafd929973a912b9003610af0cacd0c'
