-- Gives the lease up if the caller holds it, and tells everybody that it can be had.
--
-- KEYS  1  who holds the lease
-- ARGV  1  id of the caller
--       2  channel that tells of it, with the id
--
-- Replies
--   1         released
--   0         not held: nothing changed, nothing told
--   an error  still held, or released and not told
--
-- The epoch stays: what the caller has under way is still accepted until a successor brings a new one.
--
-- In a Redis Cluster PUBLISH reads SPUBLISH: see src/redis-script.ts.

if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return 0
end
redis.call('DEL', KEYS[1])
redis.call('PUBLISH', ARGV[2], ARGV[1])
return 1
