-- Takes the lease and puts a new epoch in force with it, if nobody holds the lease, its holder offered it, or the caller holds it and does not
-- know (the answer to an earlier call was lost).
--
-- KEYS  1  who holds the lease
--       2  the epoch in force
--       3  who prepares to take the lease: the claim that allows it, and is settled by it
-- ARGV  1  id of the caller
--       2  how long the lease lasts unless renewed, ms
--       3  the highest epoch the caller has ever seen
--       4  id of a holder who offered the lease and from whom it may be taken while the caller's claim lasts, or ''. So a call that was held up on
--          its way cannot take the lease from a leader that offered it long ago
--
-- Replies
--   { 1, epoch }      granted; from now on every other epoch is fenced. Text, as 16 digits do not survive every number format.
--   { 0, remaining }  held by somebody for at most so many ms more
--   an error          nothing changed, or the lease was taken without an epoch and will expire by itself
--
-- The new epoch is above the one before, above the caller's, and not below the time in microseconds: so it grows even when Redis has lost its
-- keys. One more than a day ahead of the time was written by no leader, and no follower would believe it: it counts for nothing. A lease that
-- never expires is no lease (somebody ran PERSIST): it is given one lifetime more.
--
-- Looks before it writes: a Redis that is full or a replica refuses writes, but still says that the lease is held. Otherwise
-- followers would take a refused write for a Redis out of reach, and go on alone beside their leader.

local holder = redis.call('GET', KEYS[1])
local isOffered = ARGV[4] ~= '' and holder == ARGV[4] and redis.call('GET', KEYS[3]) == ARGV[1]
if holder and holder ~= ARGV[1] and not isOffered then
  local remaining = redis.call('PTTL', KEYS[1])
  if remaining < 0 then
    redis.call('PEXPIRE', KEYS[1], ARGV[2])
    remaining = tonumber(ARGV[2])
  end
  return { 0, remaining }
end

local time = redis.call('TIME')
local micros = tonumber(time[1]) * 1000000 + tonumber(time[2])
local previous = tonumber(redis.call('GET', KEYS[2]) or '0')
-- Also false for nan, which tonumber reads.
if not (previous and previous >= 0 and previous <= micros + 86400000000) then
  previous = 0
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
redis.call('DEL', KEYS[3])
local epoch = string.format('%.0f', math.max(previous + 1, micros, tonumber(ARGV[3]) + 1))
redis.call('SET', KEYS[2], epoch)
return { 1, epoch }
