-- Reserves the lease that its holder has offered for one follower, and tells the holder.
--
-- KEYS  1  who holds the lease
--       2  who prepares to take it; its holder itself while its offer stands
-- ARGV  1  id of the caller
--       2  id of the holder whose offer was heard
--       3  how long the reservation lasts, ms
--       4  channel that tells of it, with the holder's id
--
-- Replies
--   1         reserved: the caller may prepare, and then acquire from that holder
--   0         it is not that holder's any more, its offer is over, or somebody else was first: nothing changed
--   an error  nothing changed, or reserved and not told: it ends by itself
--
-- Only a courtesy, so that one follower opens a socket and not all of them: who may take the lease is decided when it is taken.

if redis.call('GET', KEYS[1]) ~= ARGV[2] or redis.call('GET', KEYS[2]) ~= ARGV[2] then
  return 0
end
redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[3])
redis.call('PUBLISH', ARGV[4], ARGV[2])
return 1
