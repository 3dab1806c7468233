-- Notes what one instance wants, in place of what it wanted before; with nothing to want, forgets the instance.
--
-- KEYS  1  what the instance wants
--       2  sorted set of the instances, scored by when their demand expires (ms since 1970); also the channel that tells of changes
-- ARGV  1  the instance
--       2  its pairs as a JSON array, or empty text to forget the instance
--       3  how long that holds unless repeated, ms
--       4  1: tell the followers
--
-- Replies
--   1         noted
--   an error  noted in part or not at all; what was noted expires by itself
--
-- In a Redis Cluster PUBLISH reads SPUBLISH: see src/redis-script.ts.

if ARGV[2] == '' then
  redis.call('DEL', KEYS[1])
  redis.call('ZREM', KEYS[2], ARGV[1])
else
  local time = redis.call('TIME')
  local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
  redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
  redis.call('ZADD', KEYS[2], string.format('%.0f', now + tonumber(ARGV[3])), ARGV[1])
end
if ARGV[4] == '1' then
  redis.call('PUBLISH', KEYS[2], ARGV[1])
end
return 1
