-- Says to every instance what is wanted beside pairs, on the channel that tells of demand: the one on which every instance may speak.
--
-- KEYS  1  the channel
-- ARGV  1  what is said
--
-- Replies
--   how many heard it, on this server
--
-- In a Redis Cluster PUBLISH reads SPUBLISH: see src/redis-script.ts.

return redis.call('PUBLISH', KEYS[1], ARGV[1])
