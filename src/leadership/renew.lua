-- Prolongs the lease if the caller holds it and its epoch is in force.
--
-- KEYS  1  who holds the lease
--       2  the epoch in force
-- ARGV  1  id of the caller
--       2  how long the lease lasts from now, ms
--       3  the caller's epoch
--
-- Replies
--   1         held
--   0         lost: the lease ended, somebody else has it, or another epoch is in force
--   an error  nothing changed

if redis.call('GET', KEYS[1]) == ARGV[1] and redis.call('GET', KEYS[2]) == ARGV[3] then
  return redis.call('PEXPIRE', KEYS[1], ARGV[2])
end
return 0
