-- Tells everybody that the caller's lease can be taken over.
--
-- KEYS  1  who holds the lease
--       2  who prepares to take it; its holder itself while the offer stands
-- ARGV  1  id of the caller
--       2  channel that tells of it, with the id
--       3  how long the offer stands, ms
--
-- Replies
--   1         told; the lease goes on
--   0         not held: nothing told
--   an error  not told
--
-- An offer that is heard late must be worth nothing: its holder may have got the lease anew since. So it stands in Redis, until it is claimed,
-- the lease is granted to anybody, or its time is over.

if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return 0
end
redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[3])
redis.call('PUBLISH', ARGV[2], ARGV[1])
return 1
