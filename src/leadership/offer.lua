-- Tells everybody that the caller's lease can be taken over.
--
-- KEYS  1  who holds the lease
-- ARGV  1  id of the caller
--       2  channel that tells of it, with the id
--
-- Replies
--   1         told; the lease goes on
--   0         not held: nothing told
--   an error  not told

if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return 0
end
redis.call('PUBLISH', ARGV[2], ARGV[1])
return 1
