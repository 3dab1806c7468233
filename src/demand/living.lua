-- Lists the instances whose demand has not expired, and drops the others from the list.
--
-- KEYS  1  sorted set of the instances, scored by when their demand expires (ms since 1970)
-- ARGV  1  how many to list at most
--
-- Replies
--   the instances, those that announced last first
--   an error  nothing is known

local time = redis.call('TIME')
local now = string.format('%.0f', tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000))
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
return redis.call('ZREVRANGEBYSCORE', KEYS[1], '+inf', now, 'LIMIT', 0, tonumber(ARGV[1]))
