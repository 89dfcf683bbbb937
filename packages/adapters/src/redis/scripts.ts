import { createHash } from 'node:crypto'

/** A Lua script and the name Redis knows it by. */
export interface Script {
  readonly text: string
  readonly sha: string
}

function script(text: string): Script {
  return { text, sha: createHash('sha1').update(text).digest('hex') }
}

/** The mark's field of a state's hash; the caller's fields begin with `fieldPrefix`, so none is this one. */
export const markField = 'm'

/** Fields of what was decided behind the mark: the offset it reaches to, and its bytes. */
export const reachField = 'u'
export const decisionField = 'd'

/** What stands before the name of each of the caller's fields. */
export const fieldPrefix = '='

/**
 * Saves one account's state unless its mark is not above the stored one (R3), and with it the queues it names (R4).
 * KEYS: state, then a queue each. ARGV: mark, empty TTL ms, how far its decision reaches or -1 without one, the decision if there is
 * one, number of removals, the removed fields; where there are queues: their
 * TTL ms, then for each its number of entries, or -1 when it ended, and ordinal, bytes, ordinal, bytes…; then field, value, field,
 * value…
 * A queue is a list of ordinal, bytes, ordinal, bytes…, ascending: two elements an entry, so that finding one reads no bytes. An
 * ordinal not above the last one's is in it, or was.
 */
export const saveState = script(`
local old = redis.call('HMGET', KEYS[1], '${markField}', '${reachField}')
local mark, reach, given = tonumber(ARGV[1]), tonumber(old[2] or -1), tonumber(ARGV[3])
if mark <= tonumber(old[1] or -1) then return 0 end
if reach > mark and reach > given then return 0 end
redis.call('HSET', KEYS[1], '${markField}', ARGV[1])
local first = 5
if given >= 0 then
  redis.call('HSET', KEYS[1], '${reachField}', ARGV[3], '${decisionField}', ARGV[4])
  first = 6
elseif old[2] then redis.call('HDEL', KEYS[1], '${reachField}', '${decisionField}') end
local at = first + tonumber(ARGV[first - 1])
for removed = first, at - 1 do redis.call('HDEL', KEYS[1], ARGV[removed]) end
if #KEYS > 1 then
  local ttl = ARGV[at]
  at = at + 1
  for queue = 2, #KEYS do
    local key, count = KEYS[queue], tonumber(ARGV[at])
    at = at + 1
    if count < 0 then redis.call('UNLINK', key) end
    if count > 0 then
      local last = tonumber(redis.call('LINDEX', key, -2) or -1)
      for entry = at, at + 2 * count - 1, 2 do
        local ordinal = tonumber(ARGV[entry])
        if ordinal > last then
          redis.call('RPUSH', key, ARGV[entry], ARGV[entry + 1])
          last = ordinal
        end
      end
      redis.call('PEXPIRE', key, ttl)
      at = at + 2 * count
    end
  end
end
for field = at, #ARGV, 2 do redis.call('HSET', KEYS[1], ARGV[field], ARGV[field + 1]) end
if redis.call('HLEN', KEYS[1]) == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[2])
elseif old[1] or old[2] then redis.call('PERSIST', KEYS[1]) end
return 1
`)

/**
 * Decides what owners go by behind a mark, unless that was done (R3). KEYS: state. ARGV: mark, how far it reaches, empty TTL ms, the
 * proposal. Returns 0 where the mark is another, 1 where the proposal was taken, else how far the older one reaches now, and it.
 */
export const decideState = script(`
local old = redis.call('HMGET', KEYS[1], '${markField}', '${reachField}', '${decisionField}')
if tonumber(old[1] or -1) ~= tonumber(ARGV[1]) then return 0 end
if old[3] then
  if tonumber(old[2]) >= tonumber(ARGV[2]) then return {old[2], old[3]} end
  redis.call('HSET', KEYS[1], '${reachField}', ARGV[2])
  return {ARGV[2], old[3]}
end
redis.call('HSET', KEYS[1], '${reachField}', ARGV[2], '${decisionField}', ARGV[4])
if not old[1] or redis.call('PTTL', KEYS[1]) >= 0 then redis.call('PEXPIRE', KEYS[1], ARGV[3]) end
return 1
`)

/**
 * Counts into `low` the entries up to and with an ordinal, of `size`. Usually none or all: those are looked at first.
 * KEYS: queue. ARGV: ordinal.
 */
const countEntries = `
local size = redis.call('LLEN', KEYS[1]) / 2
local function isUpTo(entry) return tonumber(redis.call('LINDEX', KEYS[1], 2 * entry)) <= tonumber(ARGV[1]) end
local low, high = 0, size
if size > 0 and isUpTo(size - 1) then low = size
elseif size > 0 and not isUpTo(0) then high = 0 end
while low < high do
  local middle = math.floor((low + high) / 2)
  if isUpTo(middle) then low = middle + 1 else high = middle end
end
`

/** Forgets the entries up to and with an ordinal (R4). KEYS: queue. ARGV: ordinal. */
export const trimQueue = script(`${countEntries}
if size > 0 and low == size then redis.call('UNLINK', KEYS[1])
elseif low > 0 then redis.call('LTRIM', KEYS[1], 2 * low, -1) end
return low
`)

/** The first entries above an ordinal. KEYS: queue. ARGV: ordinal, limit. Returns ordinal, bytes, ordinal, bytes… */
export const readQueue = script(`${countEntries}
if low == size then return {} end
return redis.call('LRANGE', KEYS[1], 2 * low, 2 * (low + tonumber(ARGV[2])) - 1)
`)

/** Takes the first free slot (R7): KEYS: all slots. ARGV: value, lease ms. Returns its place in KEYS, or 0. */
export const takeSlot = script(`
for at = 1, #KEYS do
  if redis.call('SET', KEYS[at], ARGV[1], 'NX', 'PX', ARGV[2]) then return at end
end
return 0
`)

/** A lease's value is its epoch, a space, and its holder. */
const readLease = `
local held = redis.call('GET', KEYS[1])
if not held then return 0 end
local epoch, holder = string.match(held, '^(%-?%d+) (.*)$')
if holder ~= ARGV[1] then return 0 end
local given = tonumber(ARGV[2])
if given >= 0 and given < tonumber(epoch) then return 0 end
`

/** Extends a lease that is still its holder's: KEYS: slot. ARGV: holder, epoch or -1, lease ms. */
export const extendSlot = script(`${readLease}
if given >= 0 then epoch = ARGV[2] end
redis.call('SET', KEYS[1], epoch .. ' ' .. holder, 'PX', ARGV[3])
return 1
`)

/** Takes a lease again where nobody holds the slot (R11): KEYS: slot. ARGV: value, lease ms. */
export const restoreSlot = script(`
if redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then return 1 end
return 0
`)

/**
 * Keeps a slot that nobody holds from being restored: KEYS: slot. ARGV: epoch of the life that is over, value, ms. Returns 0 while
 * that life's lease runs.
 */
export const buryLife = script(`
local held = redis.call('GET', KEYS[1])
if not held then
  redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
  return 1
end
if string.match(held, '^(%-?%d+) ') == ARGV[1] then return 0 end
return 1
`)

/** Ends a lease that is still its holder's: KEYS: slot. ARGV: holder, epoch or -1. */
export const releaseSlot = script(`${readLease}
return redis.call('DEL', KEYS[1])
`)

/**
 * Gives a number above every one before (R5): KEYS: generation. ARGV: TTL ms.
 * It is above what is remembered whatever the clock says, and not below the server's time in ms: so what Redis forgot, went back
 * behind (R11) or let end by the TTL stays below.
 */
export const takeGeneration = script(`
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local taken = math.max(tonumber(redis.call('GET', KEYS[1]) or 0) + 1, now)
redis.call('SET', KEYS[1], string.format('%.0f', taken), 'PX', ARGV[1])
return taken
`)

/** Adds to a counter that ends with its window: KEYS: counter. ARGV: by, window ms. */
export const addToCounter = script(`
local sum = redis.call('INCRBY', KEYS[1], ARGV[1])
if redis.call('PTTL', KEYS[1]) < 0 then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return sum
`)

/**
 * Notes in the index that a roll was written now, and forgets rolls whose time is over: KEYS: index. ARGV: pod life, TTL ms.
 * The server's time alone is compared with itself.
 */
export const noteRoll = script(`
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
redis.call('ZADD', KEYS[1], string.format('%.0f', now), ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('(%.0f', now - tonumber(ARGV[2])))
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1
`)
