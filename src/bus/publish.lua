-- Stores and tells prices, or tells that the leader lives, if the caller's epoch is the one in force.
--
-- KEYS  1      the epoch in force
--       2..n   where last prices are stored, each key once
-- ARGV  1      the caller's epoch
--       2      how long a stored price lasts, ms
--       3..n+1 for KEYS[2]..KEYS[n]: which message it stores, counted from 1
--       then   channel, payload, channel, payload ... in the order of telling
--
-- Replies
--   -1         fenced: another epoch is in force (or none, after Redis lost its keys). Nothing was stored or told.
--   0 or more  told, all of it; so many keys could not be stored because memory is full
--   an error   a write was refused (READONLY, NOREPLICAS ...): nothing was told, some keys may be stored
--
-- Writes come before telling because PUBLISH succeeds, unheard, on a replica: a leader attached to one would never know.
-- For the same reason a call that stores no price writes the epoch over itself.
--
-- In a Redis Cluster PUBLISH reads SPUBLISH: see src/redis-script.ts.

local epoch = ARGV[1]
if redis.call('GET', KEYS[1]) ~= epoch then
  return -1
end

local uncached = 0
local function write(...)
  local reply = redis.pcall('SET', ...)
  if reply.err == nil then
    return nil
  end
  if string.sub(reply.err, 1, 3) ~= 'OOM' then
    return reply
  end
  uncached = uncached + 1
  return nil
end

local first = #KEYS + 2
for at = 2, #KEYS do
  local payload = ARGV[first + 2 * tonumber(ARGV[at + 1]) - 1]
  local refusal = write(KEYS[at], payload, 'PX', ARGV[2])
  if refusal then
    return refusal
  end
end
if #KEYS == 1 then
  local refusal = write(KEYS[1], epoch)
  if refusal then
    return refusal
  end
  uncached = 0
end

for at = first, #ARGV, 2 do
  redis.call('PUBLISH', ARGV[at], ARGV[at + 1])
end
return uncached
