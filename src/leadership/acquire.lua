-- Takes the lease if nobody holds it, and puts a new epoch in force with it.
--
-- KEYS  1  who holds the lease
--       2  the epoch in force
-- ARGV  1  id of the caller
--       2  how long the lease lasts unless renewed, ms
--       3  the highest epoch the caller has ever seen
--
-- Replies
--   { 1, epoch }      granted; from now on every other epoch is fenced. Text, as 16 digits do not survive every number format.
--   { 0, remaining }  held by somebody for at most so many ms more
--   an error          nothing changed, or the lease was taken without an epoch and will expire by itself
--
-- The new epoch is above the one before, above the caller's, and not below the time in microseconds: so it grows even when Redis has lost its
-- keys. A lease that never expires is no lease (somebody ran PERSIST): it is given one lifetime more.

local previous = tonumber(redis.call('GET', KEYS[2]) or '0')
-- Also false for nan, which tonumber reads.
if not (previous and previous >= 0 and previous < 9007199254740991) then
  previous = 0
end

if redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then
  local time = redis.call('TIME')
  local micros = tonumber(time[1]) * 1000000 + tonumber(time[2])
  local epoch = string.format('%.0f', math.max(previous + 1, micros, tonumber(ARGV[3]) + 1))
  redis.call('SET', KEYS[2], epoch)
  return { 1, epoch }
end

local remaining = redis.call('PTTL', KEYS[1])
if remaining < 0 then
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
  remaining = tonumber(ARGV[2])
end
return { 0, remaining }
