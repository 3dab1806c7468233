-- Notes what one instance did at the exchange, and tells what all have done: those behind one address share what it allows.
--
-- KEYS  1  what is known: { c = { minute since 1970 = connections tried in it }, s = sockets, r = REST requests unwelcome until, ms since 1970 }
-- ARGV  1  connections just tried
--       2  for so many ms sockets are unwelcome, says the exchange; 0: it did not
--       3  the same of REST requests
--
-- Replies
--   { tried, sockets, rest }  connections tried in the last five minutes, or up to six; for how many ms sockets and requests are unwelcome
--   an error                  nothing was noted

local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local minute = math.floor(now / 60000)
local longest = 3 * 86400000

local isRead, known = pcall(cjson.decode, redis.call('GET', KEYS[1]) or '{}')
if not isRead or type(known) ~= 'table' then
  known = {}
end
local counts = { [tostring(minute)] = tonumber(ARGV[1]) }
local tried = 0
if type(known.c) == 'table' then
  for at, count in pairs(known.c) do
    if tonumber(at) and tonumber(at) >= minute - 5 and tonumber(at) <= minute and type(count) == 'number' then
      counts[at] = (counts[at] or 0) + count
    end
  end
end
for _, count in pairs(counts) do
  tried = tried + count
end

local function untilOf(before, wait)
  local at = type(before) == 'number' and before <= now + longest and before or 0
  return math.max(at, tonumber(wait) > 0 and now + math.min(tonumber(wait), longest) or 0)
end
local sockets = untilOf(known.s, ARGV[2])
local rest = untilOf(known.r, ARGV[3])

if tonumber(ARGV[1]) + tonumber(ARGV[2]) + tonumber(ARGV[3]) > 0 then
  local ttl = math.max(360000, sockets - now, rest - now)
  redis.call('SET', KEYS[1], cjson.encode({ c = counts, s = sockets, r = rest }), 'PX', string.format('%.0f', ttl))
end
return { tried, math.max(0, sockets - now), math.max(0, rest - now) }
