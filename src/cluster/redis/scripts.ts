/**
 * The Lua scripts of the shared state; Redis runs each atomically. Each uses one key, so that it can run in a Redis
 * Cluster, and the clock of the server, so that the clocks of the nodes need not agree.
 */

/**
 * KEYS[1] is a hash: run → `<renewed at>,<lease ends at>,<entry>`, times in ms. The two numbers and the commas are the
 * same in every version of this server, so that every node can remove entries whose lease has ended. A field without
 * them is removed, and returned with the time 0 and an empty entry.
 *
 * ARGV: run, entry, lease in ms. Returns `[now, known (1 or 0), renewed at, entry, renewed at, entry, …]`.
 */
export const announceScript = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local ends = now + tonumber(ARGV[3])
local known = redis.call('HEXISTS', KEYS[1], ARGV[1])
redis.call('HSET', KEYS[1], ARGV[1], string.format('%.0f,%.0f,', now, ends) .. ARGV[2])
local all = redis.call('HGETALL', KEYS[1])
local last = ends
local reply = { now, known }
for i = 1, #all, 2 do
  local renewed, till, entry = string.match(all[i + 1], '^(%d+),(%d+),(.*)$')
  if till == nil then
    redis.call('HDEL', KEYS[1], all[i])
    reply[#reply + 1] = 0
    reply[#reply + 1] = ''
  elseif tonumber(till) <= now then
    redis.call('HDEL', KEYS[1], all[i])
  else
    last = math.max(last, tonumber(till))
    reply[#reply + 1] = tonumber(renewed)
    reply[#reply + 1] = entry
  end
end
redis.call('PEXPIREAT', KEYS[1], string.format('%.0f', last))
return reply`;

/** ARGV: window in ms. Returns `[count, ms until the window ends]`. */
export const countScript = `
local count = redis.call('INCR', KEYS[1])
if count == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
return { count, redis.call('PTTL', KEYS[1]) }`;

/**
 * KEYS[1] is a hash of the attempts and the end of the wait in ms. ARGV: free attempts, first wait, longest wait, time
 * to keep, in ms. Returns the ms to wait.
 */
export const attemptScript = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local known = redis.call('HMGET', KEYS[1], 'attempts', 'till')
local till = tonumber(known[2] or 0) or 0
if till > now then return till - now end
local attempts = (tonumber(known[1] or 0) or 0) + 1
local free = tonumber(ARGV[1])
local wait = 0
if attempts > free then
  wait = math.min(tonumber(ARGV[3]), tonumber(ARGV[2]) * 2 ^ math.min(40, attempts - free - 1))
end
redis.call('HSET', KEYS[1], 'attempts', attempts, 'till', string.format('%.0f', now + wait))
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return 0`;

/** Takes one attempt back. */
export const takeBackScript = `
local attempts = tonumber(redis.call('HGET', KEYS[1], 'attempts') or 0) or 0
if attempts > 0 then redis.call('HSET', KEYS[1], 'attempts', attempts - 1, 'till', 0) end
return 0`;
